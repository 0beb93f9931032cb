import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { proto, type WAMessage } from '@whiskeysockets/baileys';

import { MEDIA_LIMIT, messageEvent } from '../../src/whatsapp/message.js';

function received(message: proto.IMessage | null, more: Partial<WAMessage> = {}): WAMessage {
  return {
    key: { remoteJid: '888000222@lid', remoteJidAlt: '15550123@s.whatsapp.net', fromMe: false, id: '3A01' },
    messageTimestamp: 1_700_000_000,
    pushName: 'Ada',
    message,
    ...more,
  } as WAMessage;
}

function content(message: proto.IMessage | null, more: Partial<WAMessage> = {}): Record<string, unknown> | null {
  const event = messageEvent(received(message, more), 'notify');
  return event && (event.body as { message: { content: Record<string, unknown> } }).message.content;
}

describe('a received message', () => {
  it('names people by id, alias and, where known, phone', () => {
    const event = messageEvent(received({ conversation: 'hi' }), 'append');
    assert.deepEqual(event?.body, {
      message: {
        wa_id: '3A01',
        from_me: false,
        sent_at: 1_700_000_000_000,
        via: 'append',
        chat: { id: '888000222@lid', alt: '15550123@s.whatsapp.net', phone: '15550123', kind: 'person' },
        sender: { id: '888000222@lid', alt: '15550123@s.whatsapp.net', phone: '15550123', name: 'Ada' },
        quoted: null,
        content: { type: 'text', text: 'hi' },
      },
    });
    assert.deepEqual(event?.knows, ['888000222@lid', '15550123@s.whatsapp.net']);
  });

  it('never takes the digits of a LID for a phone number', () => {
    const event = messageEvent(received({ conversation: 'hi' }, { key: { remoteJid: '888000222@lid', id: 'x' } }), 'notify');
    assert.equal((event?.body as { message: { chat: { phone: unknown } } }).message.chat.phone, null);
  });

  it('is read through its wrappers', () => {
    assert.deepEqual(content({ ephemeralMessage: { message: { extendedTextMessage: { text: 'gone soon' } } } }), { type: 'text', text: 'gone soon' });
    assert.equal(content({ viewOnceMessageV2: { message: { imageMessage: { mimetype: 'image/jpeg' } } } })?.['type'], 'image');
    assert.equal(content({ documentWithCaptionMessage: { message: { documentMessage: { caption: 'the offer' } } } })?.['caption'], 'the offer');
  });

  it('says of media what it is and whether it is too large', () => {
    const voice = content({ audioMessage: { mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 3, fileLength: 4_000, fileSha256: Buffer.from([1, 2]) } });
    assert.deepEqual(voice, {
      type: 'audio',
      caption: null,
      media: { mime: 'audio/ogg; codecs=opus', bytes: 4_000, file_name: null, seconds: 3, voice: true, sha256: '0102', state: 'available' },
    });
    const state = (fileLength: number) => (content({ documentMessage: { fileLength } })?.['media'] as { state: string }).state;
    assert.equal(state(MEDIA_LIMIT - 1), 'available');
    assert.equal(state(MEDIA_LIMIT), 'too_large');
  });

  it('may be a reaction, an edit, a revocation, a place, a contact, a choice', () => {
    const { ProtocolMessage } = proto.Message;
    const cases: [proto.IMessage, Record<string, unknown>][] = [
      [{ reactionMessage: { text: '👍', key: { id: 'T' } } }, { type: 'reaction', emoji: '👍', target: 'T' }],
      [{ protocolMessage: { type: ProtocolMessage.Type.MESSAGE_EDIT, key: { id: 'T' }, editedMessage: { conversation: 'new' } } }, { type: 'edit', target: 'T', text: 'new' }],
      [{ protocolMessage: { type: ProtocolMessage.Type.REVOKE, key: { id: 'T' } } }, { type: 'revoke', target: 'T' }],
      [{ locationMessage: { degreesLatitude: 1, degreesLongitude: 2 } }, { type: 'location', latitude: 1, longitude: 2, name: null, address: null }],
      [{ contactMessage: { displayName: 'Bob', vcard: 'BEGIN:VCARD' } }, { type: 'contacts', contacts: [{ name: 'Bob', vcard: 'BEGIN:VCARD' }] }],
      [{ buttonsResponseMessage: { selectedDisplayText: 'Yes' } }, { type: 'text', text: 'Yes' }],
    ];
    for (const [message, expected] of cases) assert.deepEqual(content(message), expected);
  });

  it('of a type that nobody knows is stored as such', () => {
    assert.deepEqual(content({ pollCreationMessage: { name: 'Lunch?' } }), { type: 'unknown', name: 'pollCreationMessage' });
    assert.deepEqual(content({ orderMessage: {} }), { type: 'unknown', name: 'orderMessage' });
  });

  it('that is for the device and not for people is none', () => {
    const { ProtocolMessage } = proto.Message;
    assert.equal(content({ protocolMessage: { type: ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE } }), null);
    assert.equal(content({ senderKeyDistributionMessage: { groupId: 'g' } }), null);
    assert.equal(content(null), null);
    assert.equal(messageEvent(received({ conversation: 'x' }, { key: { remoteJid: null, id: 'x' } }), 'notify'), null);
  });

  it('that cannot be read says so and is replaced later', () => {
    const event = messageEvent(received(null, { messageStubType: proto.WebMessageInfo.StubType.CIPHERTEXT, messageStubParameters: ['Bad MAC'] }), 'notify');
    assert.deepEqual([event?.unreadable, (event?.body as { message: { content: object } }).message.content], [true, { type: 'undecryptable', reason: 'Bad MAC' }]);
  });

  it('never throws, whatever the bytes were', () => {
    let seed = 1;
    const next = () => (seed = (seed * 48_271) % 2_147_483_647);
    let decoded = 0;
    for (let n = 0; n < 3_000; n += 1) {
      const bytes = Buffer.from(Array.from({ length: next() % 40 }, () => next() % 256));
      let message: proto.Message;
      try {
        message = proto.Message.decode(bytes);
      } catch {
        continue;
      }
      decoded += 1;
      messageEvent(received(message), 'notify');
    }
    assert.ok(decoded > 10);
  });

  it('carries what it quotes', () => {
    const event = messageEvent(received({ extendedTextMessage: { text: 'this', contextInfo: { stanzaId: 'Q', participant: '1@lid', quotedMessage: { conversation: 'that' } } } }), 'notify');
    assert.deepEqual((event?.body as { message: { quoted: object } }).message.quoted, { wa_id: 'Q', sender: '1@lid', text: 'that' });
  });
});
