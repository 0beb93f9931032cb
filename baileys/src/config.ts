// What the sidecar is told by its environment, parsed once at start.

/** A setting that is missing or wrong; the message says which and what to do. */
export class ConfigError extends Error {}

/** How fast messages go out: like a person, or at once (tests, and nothing else). */
export type Pace = 'human' | 'none';

export interface Config {
  /** Address to listen on, `BAILEYS_BIND`, this machine by default. */
  readonly bind: string;
  /** Port to listen on, `BAILEYS_PORT`; 0 lets the system choose. */
  readonly port: number;
  /** Base URL of the backend without a slash at the end. */
  readonly backend: string;
  /** Bytes of `INTERNAL_SECRET`. */
  readonly secret: Buffer;
  /** Folder of the store. */
  readonly dataDir: string;
  /** The 32 bytes from which each business's key is derived. */
  readonly storeKey: Buffer;
  /** WhatsApp's WebSocket; `null` takes the library's own. */
  readonly whatsappUrl: string | null;
  /** WhatsApp Web's version as `2.3000.N`; `null` asks WhatsApp at start. */
  readonly whatsappVersion: readonly [number, number, number] | null;
  /** How long a connection may take, milliseconds. */
  readonly connectTimeoutMs: number;
  /** Life of each QR code, milliseconds; `null` takes WhatsApp Web's own 60 s and then 20 s. */
  readonly qrTimeoutMs: number | null;
  readonly pace: Pace;
  /** Sockets that may be connecting at the same time. */
  readonly concurrentConnects: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Parses the environment. */
export function parseConfig(env: Environment): Config {
  return {
    bind: env['BAILEYS_BIND'] || '127.0.0.1',
    port: integer(env, 'BAILEYS_PORT', 3300, 0, 65_535),
    backend: backendUrl(env['FLASK_BASE_URL'] || env['BACKEND_BASE_URL'] || 'http://backend:5000'),
    secret: internalSecret(env['INTERNAL_SECRET']),
    dataDir: env['BAILEYS_DATA_DIR'] || 'data',
    storeKey: storeKey(env['BAILEYS_STORE_KEY']),
    whatsappUrl: whatsappUrl(env['WA_WEB_SOCKET_URL']),
    whatsappVersion: version(env['WA_VERSION']),
    connectTimeoutMs: integer(env, 'WA_CONNECT_TIMEOUT_MS', 10_000, 100, 120_000),
    qrTimeoutMs: env['WA_QR_TIMEOUT_MS'] ? integer(env, 'WA_QR_TIMEOUT_MS', 0, 100, 600_000) : null,
    pace: pace(env['WA_PACE']),
    concurrentConnects: integer(env, 'WA_CONCURRENT_CONNECTS', 5, 1, 100),
  };
}

function integer(env: Environment, name: string, otherwise: number, min: number, max: number): number {
  const text = env[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ConfigError(`${name} must be a whole number from ${min} to ${max}`);
  }
  return value;
}

function backendUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new ConfigError('FLASK_BASE_URL must be an http or https URL, such as http://backend:5000');
  }
  return text.replace(/\/+$/, '');
}

function whatsappUrl(text: string | undefined): string | null {
  if (!text) return null;
  if (!URL.canParse(text) || !/^wss?:$/.test(new URL(text).protocol)) {
    throw new ConfigError('WA_WEB_SOCKET_URL must be a ws or wss URL');
  }
  return text;
}

function internalSecret(text: string | undefined): Buffer {
  const secret = Buffer.from(text ?? '', 'utf8');
  if (secret.length < 32) throw new ConfigError('INTERNAL_SECRET must have at least 32 bytes, the same as the backend has');
  return secret;
}

function storeKey(text: string | undefined): Buffer {
  if (!text || !/^[0-9a-f]{64}$/i.test(text)) {
    throw new ConfigError('BAILEYS_STORE_KEY must be 64 hexadecimal digits (32 random bytes); without it the store cannot be opened');
  }
  return Buffer.from(text, 'hex');
}

function version(text: string | undefined): readonly [number, number, number] | null {
  if (!text) return null;
  const parts = text.split('.').map(Number);
  const [major, minor, patch] = parts;
  if (parts.length !== 3 || major === undefined || minor === undefined || patch === undefined || !parts.every(Number.isInteger)) {
    throw new ConfigError('WA_VERSION must be three numbers joined by dots, such as 2.3000.1043857760');
  }
  return [major, minor, patch];
}

function pace(text: string | undefined): Pace {
  if (!text || text === 'human') return 'human';
  if (text === 'none') return 'none';
  throw new ConfigError('WA_PACE must be `human` (default) or `none`');
}
