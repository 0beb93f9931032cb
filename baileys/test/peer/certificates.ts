// The chain that the client checks: root, intermediate, leaf. The root is made for each peer.

import { Curve, proto, type KeyPair } from '@whiskeysockets/baileys';

export interface Certificates {
  /** What a client under test must trust: 32 bytes. */
  readonly rootPublic: Uint8Array;
  readonly server: KeyPair;
  /** The encoded chain. */
  readonly chain: Uint8Array;
}

export function makeCertificates(): Certificates {
  const root = Curve.generateKeyPair();
  const middle = Curve.generateKeyPair();
  const server = Curve.generateKeyPair();
  const Details = proto.CertChain.NoiseCertificate.Details;
  const middleDetails = Details.encode({ serial: 1, issuerSerial: 0, key: middle.public, notBefore: 0, notAfter: 0 }).finish();
  const leafDetails = Details.encode({ serial: 2, issuerSerial: 1, key: server.public, notBefore: 0, notAfter: 0 }).finish();
  const chain = proto.CertChain.encode({
    intermediate: { details: middleDetails, signature: Curve.sign(Buffer.from(root.private), Buffer.from(middleDetails)) },
    leaf: { details: leafDetails, signature: Curve.sign(Buffer.from(middle.private), Buffer.from(leafDetails)) },
  }).finish();
  return { rootPublic: root.public, server, chain };
}
