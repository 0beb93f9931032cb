/** Whether this browser can use passkeys here: only over HTTPS, or on one's own machine. */
export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;
}

function options(challenge: unknown): unknown {
  const whole = challenge as { publicKey?: unknown };
  return whole.publicKey ?? challenge;
}

function answer(credential: Credential | null): Record<string, unknown> {
  if (!(credential instanceof PublicKeyCredential)) throw new Error('no passkey');
  return credential.toJSON() as Record<string, unknown>;
}

/** Shows a passkey: the browser asks its owner. */
export async function showPasskey(challenge: unknown): Promise<Record<string, unknown>> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options(challenge) as PublicKeyCredentialRequestOptionsJSON);
  return answer(await navigator.credentials.get({ publicKey }));
}

/** Makes a passkey. */
export async function makePasskey(challenge: unknown): Promise<Record<string, unknown>> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options(challenge) as PublicKeyCredentialCreationOptionsJSON);
  return answer(await navigator.credentials.create({ publicKey }));
}
