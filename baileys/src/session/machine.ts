// What a session does about whatever happens to it: values in, values out. No socket, no clock, no dice of its own.

import { backoffMs, fullJitter, quarantineMs, replacedMs } from './backoff.js';

export type StateName =
  | 'idle'
  | 'connecting'
  | 'qr'
  | 'pairing_code'
  | 'linking'
  | 'open'
  | 'waiting'
  | 'expired'
  | 'needs_passkey'
  | 'paused'
  | 'replaced'
  | 'logged_out'
  | 'banned'
  | 'outdated'
  | 'stopped'
  | 'quarantined'
  | 'fenced'
  | 'released';

export interface Me {
  readonly id: string;
  readonly lid: string | null;
  readonly name: string | null;
}

/** The code that is on show. */
export interface Code {
  readonly qr: string | null;
  readonly pairingCode: string | null;
  readonly seq: number;
  readonly expiresAt: number;
  readonly attemptsLeft: number;
}

/** How somebody wants to link. */
export type LinkMethod = { readonly kind: 'qr' } | { readonly kind: 'pairing_code'; readonly phone: string };

export interface Machine {
  readonly state: StateName;
  readonly sinceAt: number;
  readonly reason: string | null;
  readonly message: string | null;
  readonly closeCode: number | null;
  /** When it goes on by itself. */
  readonly retryAt: number | null;
  readonly linked: boolean;
  readonly me: Me | null;
  readonly code: Code | null;
  /** Set while somebody links a new account. */
  readonly method: LinkMethod | null;
  /** The phone took the code in this attempt. */
  readonly paired: boolean;
  /** Closes right after a code was shown, without the phone having taken it. */
  readonly closedAtCode: number;
  /** Failures since the connection last held. */
  readonly failures: number;
  readonly replacedCount: number;
  readonly versionTries: number;
  readonly quarantines: number;
  /** When the connection that is being made is given up. */
  readonly watchdogAt: number | null;
  /** When an open connection counts as one that holds. */
  readonly stableAt: number | null;
  /** Recent 515s: more than a few are a failure like others. */
  readonly restarts: readonly number[];
}

export interface Timing {
  readonly connectTimeoutMs: number;
  /** Life of the first code and of the others. */
  readonly qrMs: readonly [number, number];
}

export type Input =
  | { readonly kind: 'start'; readonly linked: boolean; readonly me: Me | null }
  | { readonly kind: 'link'; readonly method: LinkMethod }
  | { readonly kind: 'resume' }
  | { readonly kind: 'unlinked' }
  | { readonly kind: 'released' }
  | { readonly kind: 'fenced'; readonly reason: 'fenced' | 'lease_lost' }
  /** The socket of the last `connect` is being made: before, it waited for its turn. */
  | { readonly kind: 'dialing' }
  | { readonly kind: 'qr'; readonly qr: string }
  | { readonly kind: 'pairing_code'; readonly code: string }
  | { readonly kind: 'paired' }
  | { readonly kind: 'passkey' }
  | { readonly kind: 'open'; readonly me: Me }
  | { readonly kind: 'closed'; readonly close: Close }
  | { readonly kind: 'tick' };

/** Why a socket closed. */
export interface Close {
  /** The library's number; `null` when it gave none. */
  readonly code: number | null;
  readonly text: string;
  /** What WhatsApp added: for 402 the reason and how long. */
  readonly banReason: number | null;
  readonly banSeconds: number | null;
}

export type Action =
  /** Make a socket; `fresh`: with new credentials. */
  | { readonly kind: 'connect'; readonly fresh: boolean }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'request_pairing_code'; readonly phone: string }
  | { readonly kind: 'archive_auth' }
  | { readonly kind: 'refresh_version' }
  /** An operator or owner should look. */
  | { readonly kind: 'alert' };

export interface Step {
  readonly machine: Machine;
  readonly actions: readonly Action[];
}

/** Codes in one batch, as WhatsApp hands them out. */
const BATCH = 6;
/** Beyond the connect timeout until the watchdog bites. */
const WATCHDOG_EXTRA_MS = 10_000;
const STABLE_MS = 60_000;
/** After the scan WhatsApp must answer within this. */
const LINKING_MS = 60_000;
const CLOSED_AT_CODE_LIMIT = 3;
const VERSION_TRIES = 3;
const REPLACED_LIMIT = 3;
const QUARANTINE_AFTER = 10;
const RESTARTS_PER_MINUTE = 5;

/** States that nothing but a person, or the owner, ends. */
export const PARKED: readonly StateName[] = [
  'expired',
  'needs_passkey',
  'paused',
  'replaced',
  'logged_out',
  'banned',
  'outdated',
  'stopped',
  'quarantined',
];

export function newMachine(now: number): Machine {
  return {
    state: 'idle',
    sinceAt: now,
    reason: null,
    message: null,
    closeCode: null,
    retryAt: null,
    linked: false,
    me: null,
    code: null,
    method: null,
    paired: false,
    closedAtCode: 0,
    failures: 0,
    replacedCount: 0,
    versionTries: 0,
    quarantines: 0,
    watchdogAt: null,
    stableAt: null,
    restarts: [],
  };
}

/** The next moment at which a `tick` is due. */
export function deadline(machine: Machine): number | null {
  const times = [machine.retryAt, machine.watchdogAt, machine.stableAt].filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

/** One step. `random` is from 0 to 1. */
export function step(machine: Machine, input: Input, now: number, random: number, timing: Timing): Step {
  switch (input.kind) {
    case 'start':
      return start({ ...machine, linked: input.linked, me: input.me }, now);
    case 'link':
      return link(machine, input.method, now);
    case 'resume':
      return resume(machine, now);
    case 'unlinked':
      return only(enter({ ...cleared(machine), linked: false, me: null }, now, 'idle'), { kind: 'disconnect' });
    case 'released':
      return only(enter(cleared(machine), now, 'released', 'released', 'This session was handed over to another owner.'), { kind: 'disconnect' });
    case 'fenced':
      return only(enter(cleared(machine), now, 'fenced', input.reason, fencedText(input.reason)), { kind: 'disconnect' });
    case 'dialing':
      return only({ ...machine, watchdogAt: now + timing.connectTimeoutMs + WATCHDOG_EXTRA_MS });
    case 'qr':
      return showQr(machine, input.qr, now, timing);
    case 'pairing_code':
      return only(enter({ ...machine, code: { ...newCode(now, timing), pairingCode: input.code } }, now, 'pairing_code'));
    case 'paired':
      return only(enter({ ...machine, code: null, paired: true, linked: true, watchdogAt: now + LINKING_MS }, now, 'linking'));
    case 'passkey':
      return needsPasskey(machine, now, 'passkey');
    case 'open':
      return only(opened(machine, input.me, now));
    case 'closed':
      return closed(machine, input.close, now, random);
    case 'tick':
      return tick(machine, now, random);
  }
}

function start(machine: Machine, now: number): Step {
  if (isRunning(machine)) return only(machine);
  if (PARKED.includes(machine.state)) return only(machine);
  if (!machine.linked) return only(enter(cleared(machine), now, 'idle'));
  return connect(machine, now);
}

function link(machine: Machine, method: LinkMethod, now: number): Step {
  const next = { ...cleared(machine), linked: false, me: null, method, closedAtCode: 0, failures: 0 };
  const { machine: connecting, actions } = connect(next, now);
  return { machine: connecting, actions: [{ kind: 'disconnect' }, ...actions] };
}

function resume(machine: Machine, now: number): Step {
  const anew = { ...machine, failures: 0, replacedCount: 0, versionTries: 0, quarantines: 0 };
  const { machine: connecting, actions } = connect(anew, now);
  const refresh: Action[] = machine.state === 'outdated' ? [{ kind: 'refresh_version' }] : [];
  return { machine: connecting, actions: [{ kind: 'disconnect' }, ...refresh, ...actions] };
}

function connect(machine: Machine, now: number): Step {
  const next = enter({ ...machine, code: null, paired: false, watchdogAt: null, stableAt: null }, now, 'connecting');
  // Credentials of an attempt that was given up look half registered: only linked ones are used again.
  return only(next, { kind: 'connect', fresh: !machine.linked });
}

function showQr(machine: Machine, qr: string, now: number, timing: Timing): Step {
  const { method } = machine;
  if (method?.kind === 'pairing_code') {
    // The first code says that the socket is ready for the request; what follows changes nothing on show.
    if (machine.state !== 'connecting') return only(machine);
    return only({ ...machine, watchdogAt: now + LINKING_MS }, { kind: 'request_pairing_code', phone: method.phone });
  }
  const before = machine.state === 'qr' ? machine.code : null;
  const code = before
    ? { ...before, qr, seq: before.seq + 1, expiresAt: now + timing.qrMs[1], attemptsLeft: Math.max(0, before.attemptsLeft - 1) }
    : { ...newCode(now, timing), qr };
  const next = { ...machine, code, watchdogAt: null };
  return only(machine.state === 'qr' ? next : enter(next, now, 'qr'));
}

function newCode(now: number, timing: Timing): Code {
  return { qr: null, pairingCode: null, seq: 1, expiresAt: now + timing.qrMs[0], attemptsLeft: BATCH - 1 };
}

function opened(machine: Machine, me: Me, now: number): Machine {
  const next = { ...machine, linked: true, me, code: null, method: null, paired: false, closedAtCode: 0, watchdogAt: null };
  return { ...enter(next, now, 'open'), stableAt: now + STABLE_MS };
}

function tick(machine: Machine, now: number, random: number): Step {
  if (machine.watchdogAt !== null && now >= machine.watchdogAt) {
    const text = 'WhatsApp did not answer while connecting.';
    const silent: Close = { code: 408, text, banReason: null, banSeconds: null };
    const { machine: next, actions } = closed({ ...machine, watchdogAt: null }, silent, now, random);
    return { machine: next, actions: [{ kind: 'disconnect' }, ...actions] };
  }
  if (machine.stableAt !== null && now >= machine.stableAt) {
    return only({ ...machine, stableAt: null, failures: 0, replacedCount: 0, versionTries: 0, quarantines: 0 });
  }
  if (machine.retryAt !== null && now >= machine.retryAt) return connect(machine, now);
  return only(machine);
}

function closed(before: Machine, close: Close, now: number, random: number): Step {
  if (!isRunning(before)) return only(before);
  const machine: Machine = { ...before, closeCode: close.code, watchdogAt: null, stableAt: null, code: null };
  switch (close.code) {
    case 515:
      return restart(machine, now, random);
    case 401:
      return only(
        enter({ ...machine, linked: false, me: null, method: null }, now, 'logged_out', 'logged_out', 'The device was removed on the phone, or the account was closed. Link it again.'),
        { kind: 'archive_auth' },
        { kind: 'alert' },
      );
    case 403:
    case 406:
      return only(enter(machine, now, 'banned', 'banned', 'WhatsApp locked this account.'), { kind: 'alert' });
    case 402:
      return paused(machine, close, now);
    case 405:
      return outdated(machine, now, random);
    case 409:
    case 411:
    case 418:
      return only(enter(machine, now, 'stopped', 'refused', 'WhatsApp refuses this client.'), { kind: 'alert' });
    case 440:
      return replaced(machine, now, random);
    case 500:
      return failing(machine, now, random, 'bad_session', 'WhatsApp reports a broken session.');
    case 503:
      return failing(machine, now, random, 'overloaded', 'WhatsApp is overloaded.');
    case 408:
      if (close.text.includes('QR refs attempts ended')) {
        return only(enter({ ...machine, method: null }, now, 'expired', 'qr_expired', 'Nobody scanned the code in time. Start again for a new one.'));
      }
      return lost(machine, before.state, close, now, random);
    default:
      return lost(machine, before.state, close, now, random);
  }
}

/** 515: WhatsApp wants a new connection, always once after pairing. */
function restart(machine: Machine, now: number, random: number): Step {
  const restarts = [...machine.restarts.filter((at) => now - at < 60_000), now];
  const next = { ...machine, restarts };
  if (restarts.length > RESTARTS_PER_MINUTE) return waiting(next, now, random, 'lost', 'WhatsApp asked for a new connection again and again.');
  const { machine: connecting, actions } = connect(next, now);
  return { machine: machine.paired ? { ...connecting, state: 'linking' } : connecting, actions };
}

function paused(machine: Machine, close: Close, now: number): Step {
  const reasons: Record<number, string> = { 101: 'too_many_strangers', 102: 'blocked_by_many', 103: 'groups', 104: 'same_text', 106: 'broadcast' };
  const reason = reasons[close.banReason ?? 0] ?? 'temporary_ban';
  // Without a time from WhatsApp a day is waited, which is what most such bans last at least.
  const retryAt = now + (close.banSeconds ?? 24 * 3600) * 1000;
  return only({ ...enter(machine, now, 'paused', reason, 'WhatsApp banned this account for a while.'), retryAt }, { kind: 'alert' });
}

function outdated(machine: Machine, now: number, random: number): Step {
  const versionTries = machine.versionTries + 1;
  const next = { ...machine, versionTries };
  if (versionTries > VERSION_TRIES) {
    return only(enter(next, now, 'outdated', 'outdated', "WhatsApp refuses this client's version."), { kind: 'alert' });
  }
  const { machine: later, actions } = waiting(next, now, random, 'outdated', "WhatsApp refuses this client's version; a newer one is tried.");
  return { machine: later, actions: [{ kind: 'refresh_version' }, ...actions] };
}

function replaced(machine: Machine, now: number, random: number): Step {
  const replacedCount = machine.replacedCount + 1;
  const next = enter({ ...machine, replacedCount }, now, 'replaced', 'replaced', 'Another program uses this linked device.');
  if (replacedCount >= REPLACED_LIMIT) return only(next, { kind: 'alert' });
  return only({ ...next, retryAt: now + replacedMs(replacedCount, random) });
}

function failing(machine: Machine, now: number, random: number, reason: string, message: string): Step {
  if (machine.failures + 1 < QUARANTINE_AFTER) return waiting(machine, now, random, reason, message);
  const quarantines = machine.quarantines + 1;
  const next = enter({ ...machine, failures: 0, quarantines }, now, 'quarantined', reason, `${message} It goes on; linking again may help.`);
  return only({ ...next, retryAt: now + quarantineMs(quarantines) }, { kind: 'alert' });
}

function lost(machine: Machine, was: StateName, close: Close, now: number, random: number): Step {
  const atCode = !machine.linked && !machine.paired && (was === 'qr' || was === 'pairing_code');
  if (atCode) {
    const closedAtCode = machine.closedAtCode + 1;
    if (closedAtCode >= CLOSED_AT_CODE_LIMIT) return needsPasskey(machine, now, 'passkey_suspected');
    return waiting({ ...machine, closedAtCode }, now, random, 'lost', 'WhatsApp closed the connection while the code was on show.');
  }
  if (neverReached(close)) return waiting(machine, now, random, 'no_network', 'WhatsApp cannot be reached.');
  return waiting(machine, now, random, 'lost', 'The connection to WhatsApp was lost.');
}

function needsPasskey(machine: Machine, now: number, reason: 'passkey' | 'passkey_suspected'): Step {
  const text = 'The phone asks for a passkey, which this way of linking cannot give.';
  const next = enter({ ...machine, code: null, method: null, watchdogAt: null }, now, 'needs_passkey', reason, text);
  return only(next, { kind: 'disconnect' }, { kind: 'alert' });
}

function waiting(machine: Machine, now: number, random: number, reason: string, message: string): Step {
  const failures = machine.failures + 1;
  const delay = fullJitter(backoffMs(failures, reason === 'no_network'), random);
  return only({ ...enter({ ...machine, failures }, now, 'waiting', reason, message), retryAt: now + delay });
}

/** Whether nothing of WhatsApp was reached: name, port, upgrade or the first answer failed. */
function neverReached(close: Close): boolean {
  return close.code === 408 && !/Connection was lost/.test(close.text);
}

/** Whether a socket exists or is about to. */
export function isRunning(machine: Machine): boolean {
  return ['connecting', 'qr', 'pairing_code', 'linking', 'open', 'waiting'].includes(machine.state);
}

function cleared(machine: Machine): Machine {
  return { ...machine, code: null, method: null, paired: false, watchdogAt: null, stableAt: null };
}

function enter(machine: Machine, now: number, state: StateName, reason: string | null = null, message: string | null = null): Machine {
  const closeCode = state === 'connecting' || state === 'open' ? null : machine.closeCode;
  return { ...machine, state, sinceAt: now, reason, message, closeCode, retryAt: null };
}

function only(machine: Machine, ...actions: Action[]): Step {
  return { machine, actions };
}

function fencedText(reason: 'fenced' | 'lease_lost'): string {
  return reason === 'fenced' ? 'A newer owner has this session.' : 'The lease of this session was not renewed in time.';
}

/** What the backend is told of a state: a session that tries again and again is told of once. */
export function isNews(told: Machine | null, now: Machine): boolean {
  if (told === null) return true;
  const retrying = told.state === 'waiting' && (now.state === 'connecting' || (now.state === 'waiting' && now.reason === told.reason));
  if (retrying) return false;
  return told.state !== now.state || told.reason !== now.reason || told.linked !== now.linked || told.me?.id !== now.me?.id;
}
