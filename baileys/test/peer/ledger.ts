// What was really sent and received, kept outside of whatever is tested: the judge.

/** `keys`: a device uploaded what others write to it by. `to_business`: a customer sent it. `taken`: the sidecar's device said "received". `from_business`: a customer's phone shows it. */
export type EntryKind = 'to_business' | 'taken' | 'refused' | 'from_business' | 'repeated' | 'unreadable' | 'typing' | 'read' | 'linked' | 'keys' | 'login' | 'logout' | 'closed';

export interface Entry {
  readonly n: number;
  readonly at: number;
  readonly kind: EntryKind;
  /** The business's number. */
  readonly account: string;
  /** The customer's number, where there is one. */
  readonly customer: string | null;
  /** WhatsApp's id of the message. */
  readonly id: string | null;
  readonly text: string | null;
  /** What a customer's phone shows that is no text: the protobuf message as JSON. */
  readonly message?: object;
}

type NewEntry = Pick<Entry, 'kind' | 'account'> & Partial<Pick<Entry, 'customer' | 'id' | 'text' | 'message'>>;

export class Ledger {
  readonly #entries: Entry[] = [];
  readonly #waiting = new Set<() => void>();

  add(entry: NewEntry): void {
    const { kind, account, customer = null, id = null, text = null, message } = entry;
    this.#entries.push({ n: this.#entries.length + 1, at: Date.now(), kind, account, customer, id, text, ...(message ? { message } : {}) });
    for (const wake of this.#waiting) wake();
  }

  after(n: number): readonly Entry[] {
    return this.#entries.slice(n);
  }

  of(kind: EntryKind): readonly Entry[] {
    return this.#entries.filter((entry) => entry.kind === kind);
  }

  /** Everything that happened to one message, as words: kind, time, text. */
  about(id: string): string[] {
    return this.#entries.filter((entry) => entry.id === id).map(({ kind, at, text }) => `${kind} ${at} ${text ?? ''}`);
  }

  /** Resolves with the first value that `find` finds, now or later; fails after `timeoutMs`. */
  until<T>(find: (entries: readonly Entry[]) => T | undefined | null | false, what: string, timeoutMs = 15_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = find(this.#entries);
        if (found === undefined || found === null || found === false) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`the peer did not see ${what} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }
}
