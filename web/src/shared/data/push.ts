import { api, unwrap } from '@/api/client';

const WORKER = '/push-worker.js';
/** Who switched notifications on in this browser, and for which business. */
const KEPT = 'prosaas-push';
/** How long signing out waits for the browser to give its subscription back; the server has ended it by then. */
const GIVE_BACK_MS = 1_000;

/** Whether this browser shows notifications: not at all, not before it is installed, not allowed, or as one wants. */
export type PushState = 'unsupported' | 'install' | 'blocked' | 'off' | 'on';

/** What a browser says of itself. */
export interface PushFacts {
  canPush: boolean;
  /** iPhones and iPads push to what stands on the home screen alone. */
  isApplePhone: boolean;
  permission: NotificationPermission;
  isSwitchedOn: boolean;
  isSubscribed: boolean;
}

export function pushStateOf({ canPush, isApplePhone, permission, isSwitchedOn, isSubscribed }: PushFacts): PushState {
  if (!canPush) return isApplePhone ? 'install' : 'unsupported';
  if (permission === 'denied') return 'blocked';
  return permission === 'granted' && isSwitchedOn && isSubscribed ? 'on' : 'off';
}

/** An iPad says that it is a Mac, which has no touch screen. */
export function isApplePhone(agent: string, touchPoints: number): boolean {
  return /iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && touchPoints > 1);
}

const canPush = () => 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;

function kept(): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '[]');
    return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

function keep(list: readonly string[]): void {
  try {
    if (list.length > 0) localStorage.setItem(KEPT, JSON.stringify(list));
    else localStorage.removeItem(KEPT);
  } catch {
    // A browser that keeps nothing is asked again at its next start.
  }
}

async function subscription(): Promise<PushSubscription | null> {
  const worker = await navigator.serviceWorker.getRegistration('/');
  return (await worker?.pushManager.getSubscription()) ?? null;
}

/** What the switch shows to whoever `who` names. */
export async function lookAtPush(who: string): Promise<PushState> {
  const can = canPush();
  return pushStateOf({
    canPush: can,
    isApplePhone: isApplePhone(navigator.userAgent, navigator.maxTouchPoints),
    permission: can ? Notification.permission : 'default',
    isSwitchedOn: kept().includes(who),
    isSubscribed: can && (await subscription()) !== null,
  });
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Whether a subscription was made with this key; with another one the push service takes nothing from us. */
function isMadeWith(made: PushSubscription, key: Uint8Array): boolean {
  const own = made.options.applicationServerKey;
  return own !== null && own.byteLength === key.length && new Uint8Array(own).every((byte, at) => byte === key[at]);
}

/** Subscribes this browser and tells the server how it is reached. */
async function subscribe(): Promise<void> {
  const key = bytesOf((await unwrap(api.GET('/api/push/key'))).public_key);
  await navigator.serviceWorker.register(WORKER);
  const { pushManager } = await navigator.serviceWorker.ready;
  let made = await pushManager.getSubscription();
  if (made !== null && !isMadeWith(made, key)) {
    await made.unsubscribe();
    made = null;
  }
  made ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint = '', keys = {} } = made.toJSON();
  await unwrap(api.POST('/api/push/subscriptions', { body: { endpoint, p256dh: keys['p256dh'] ?? '', auth: keys['auth'] ?? '' } }));
}

/** Switches notifications on. First of all the browser asks: it does so for a tap alone. */
export async function switchPushOn(who: string): Promise<PushState> {
  const permission = await Notification.requestPermission();
  if (permission === 'granted') {
    await subscribe();
    keep([...new Set([...kept(), who])]);
  }
  return lookAtPush(who);
}

/** Switches them off for this business; another one of whoever is signed in goes on. */
export async function switchPushOff(who: string): Promise<PushState> {
  const devices = await unwrap(api.GET('/api/push/subscriptions'));
  for (const { id } of devices.data.filter((device) => device.current)) {
    await unwrap(api.DELETE('/api/push/subscriptions/{id}', { params: { path: { id } } }));
  }
  const others = kept().filter((one) => one !== who);
  keep(others);
  if (others.length === 0) await (await subscription())?.unsubscribe();
  return lookAtPush(who);
}

/** After a sign-in the subscription belongs to another session, and the browser may have made itself a new one. */
export async function renewPush(who: string): Promise<void> {
  if (canPush() && Notification.permission === 'granted' && kept().includes(who)) await subscribe();
}

/** Who signs out is told of nothing more here. The server has ended it already. */
export async function forgetPush(): Promise<void> {
  const wasOn = kept().length > 0;
  keep([]);
  if (!wasOn || !canPush()) return;
  const givenBack = subscription().then((made) => made?.unsubscribe());
  const late = new Promise((done) => setTimeout(done, GIVE_BACK_MS));
  await Promise.race([givenBack, late]).catch(() => undefined);
}
