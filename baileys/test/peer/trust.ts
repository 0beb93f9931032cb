// Loaded before the sidecar by tests (`node --import`): the library then trusts the peer's root instead of WhatsApp's.
// The sidecar itself has no such switch.

import { WA_CERT_DETAILS } from '@whiskeysockets/baileys';

const root = Buffer.from(process.env['WA_TEST_ROOT_KEY'] ?? '', 'hex');
if (root.length !== 32) throw new Error('WA_TEST_ROOT_KEY must be the root key that the peer printed, 64 hexadecimal digits');
WA_CERT_DETAILS.PUBLIC_KEY = root;
