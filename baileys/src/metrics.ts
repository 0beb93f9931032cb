// Counters and gauges as Prometheus text. No business and no person is a label.

const COUNTERS = {
  requests: 'Requests of the backend that were let in.',
  refused: 'Requests that were refused as unauthorized.',
  events_delivered: 'Events that the backend acknowledged.',
  delivery_failures: 'Deliveries to the backend that failed.',
  messages_sent: 'Messages written to a socket of WhatsApp.',
  messages_failed: 'Messages that will not be sent.',
  connects: 'Sockets to WhatsApp that were made.',
  alerts: 'States that need an operator or owner.',
  store_failures: 'Writes that the store refused.',
} as const;

export type Counter = keyof typeof COUNTERS;

export interface Gauges {
  /** Sessions by state. */
  readonly states: ReadonlyMap<string, number>;
  readonly undelivered: number;
  readonly queued: number;
  /** Resident memory of the process, bytes. */
  readonly rss: number;
}

export class Metrics {
  readonly #counts = new Map<Counter, number>();

  count(name: Counter, by = 1): void {
    this.#counts.set(name, this.value(name) + by);
  }

  value(name: Counter): number {
    return this.#counts.get(name) ?? 0;
  }

  render(gauges: Gauges): string {
    const lines: string[] = [];
    for (const [name, help] of Object.entries(COUNTERS)) {
      const full = `prosaas_whatsapp_${name}_total`;
      lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} counter`, `${full} ${this.value(name as Counter)}`);
    }
    const gauge = (name: string, help: string, samples: readonly string[]) =>
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples);
    gauge(
      'prosaas_whatsapp_sessions',
      'Sessions by state.',
      [...gauges.states].map(([state, count]) => `prosaas_whatsapp_sessions{state="${state}"} ${count}`),
    );
    gauge('prosaas_whatsapp_undelivered', 'Events that wait for the backend.', [`prosaas_whatsapp_undelivered ${gauges.undelivered}`]);
    gauge('prosaas_whatsapp_queued', 'Messages that wait to be sent.', [`prosaas_whatsapp_queued ${gauges.queued}`]);
    gauge('prosaas_whatsapp_resident_bytes', 'Resident memory.', [`prosaas_whatsapp_resident_bytes ${gauges.rss}`]);
    return lines.join('\n') + '\n';
  }
}
