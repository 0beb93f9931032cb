// A message of the library becomes an event of PROTOCOL.md. Pure. Whatever WhatsApp invents ends as `unknown`.

import {
  isJidBroadcast,
  isJidGroup,
  isJidNewsletter,
  isLidUser,
  isPnUser,
  jidDecode,
  jidNormalizedUser,
  normalizeMessageContent,
  proto,
  type WAMessage,
} from '@whiskeysockets/baileys';

import type { NewEvent } from '../store/types.js';

/** Media from this size on is refused, bytes. */
export const MEDIA_LIMIT = 100_000_000;
/** Longest text that is kept of one message; WhatsApp itself ends at 65,536 characters. */
const TEXT_LIMIT = 65_536;

export type Via = 'notify' | 'append';

export interface Person {
  readonly id: string;
  readonly alt: string | null;
  readonly phone: string | null;
}

/** The event for a message, or `null` when it is none for people (keys, history, settings). */
export function messageEvent(message: WAMessage, via: Via): NewEvent | null {
  const { key } = message;
  const chatJid = key.remoteJid;
  if (!key.id || !chatJid) return null;
  const content = contentOf(message);
  if (content === null) return null;
  const chat = person(chatJid, key.remoteJidAlt);
  const sender = key.participant ? person(key.participant, key.participantAlt) : key.fromMe ? null : chat;
  const fromMe = key.fromMe === true;
  const body = {
    message: {
      wa_id: key.id,
      from_me: fromMe,
      sent_at: Number(message.messageTimestamp ?? 0) * 1000,
      via,
      chat: { ...chat, kind: kindOf(chatJid) },
      sender: sender && { ...sender, name: fromMe ? null : (message.pushName ?? null) },
      quoted: quotedOf(message),
      content,
    },
  };
  return {
    kind: 'message',
    body,
    dedupe: JSON.stringify([chat.id, key.id, fromMe]),
    unreadable: content.type === 'undecryptable',
    ...(message.message ? { original: { waId: key.id, bytes: proto.WebMessageInfo.encode(proto.WebMessageInfo.fromObject(message)).finish() } } : {}),
    knows: fromMe ? [] : [chat.id, ...(chat.alt ? [chat.alt] : [])],
  };
}

/** An id and what goes with it; digits of a LID are never a phone number. */
export function person(jid: string, alt: string | null | undefined): Person {
  const id = jidNormalizedUser(jid);
  const other = alt ? jidNormalizedUser(alt) : null;
  return { id, alt: other, phone: phoneOf(id) ?? (other ? phoneOf(other) : null) };
}

export function phoneOf(jid: string): string | null {
  return isPnUser(jid) ? (jidDecode(jid)?.user ?? null) : null;
}

export function kindOf(jid: string): string {
  if (isPnUser(jid) || isLidUser(jid)) return 'person';
  if (isJidGroup(jid)) return 'group';
  if (isJidBroadcast(jid)) return 'broadcast';
  return isJidNewsletter(jid) ? 'newsletter' : 'other';
}

interface Content {
  readonly type: string;
  readonly [field: string]: unknown;
}

function contentOf(message: WAMessage): Content | null {
  const stub = message.messageStubType;
  const types = proto.WebMessageInfo.StubType;
  if (stub === types.CIPHERTEXT) return { type: 'undecryptable', reason: message.messageStubParameters?.[0] ?? 'unknown' };
  if (stub === types.CALL_MISSED_VOICE || stub === types.CALL_MISSED_GROUP_VOICE) return { type: 'call', call: 'missed_voice' };
  if (stub === types.CALL_MISSED_VIDEO || stub === types.CALL_MISSED_GROUP_VIDEO) return { type: 'call', call: 'missed_video' };
  if (stub) return null;
  const content = normalizeMessageContent(message.message);
  return content ? readContent(content) : null;
}

function readContent(content: proto.IMessage): Content | null {
  const { conversation, extendedTextMessage, protocolMessage, reactionMessage } = content;
  if (conversation) return { type: 'text', text: clip(conversation) };
  if (extendedTextMessage?.text) return { type: 'text', text: clip(extendedTextMessage.text) };
  if (reactionMessage) return { type: 'reaction', emoji: reactionMessage.text ?? '', target: reactionMessage.key?.id ?? null };
  if (protocolMessage) return protocolContent(protocolMessage);
  return mediaContent(content) ?? placeContent(content) ?? contactContent(content) ?? chosenContent(content) ?? unknownContent(content);
}

function protocolContent(message: proto.Message.IProtocolMessage): Content | null {
  const types = proto.Message.ProtocolMessage.Type;
  const target = message.key?.id ?? null;
  if (message.type === types.REVOKE) return { type: 'revoke', target };
  if (message.type === types.MESSAGE_EDIT) {
    const edited = normalizeMessageContent(message.editedMessage);
    return { type: 'edit', target, text: clip(edited?.conversation ?? edited?.extendedTextMessage?.text ?? '') };
  }
  return null;
}

interface AnyMedia {
  readonly mimetype?: string | null;
  readonly fileLength?: unknown;
  readonly fileName?: string | null;
  readonly seconds?: number | null;
  readonly ptt?: boolean | null;
  readonly fileSha256?: Uint8Array | null;
  readonly caption?: string | null;
}

/** The media in a message, with the name of its kind. */
export function mediaOf(content: proto.IMessage | null | undefined): { readonly kind: string; readonly media: AnyMedia & proto.Message.IImageMessage } | null {
  const inner = normalizeMessageContent(content);
  if (!inner) return null;
  const kinds = [
    ['image', inner.imageMessage],
    ['video', inner.videoMessage ?? inner.ptvMessage],
    ['audio', inner.audioMessage],
    ['document', inner.documentMessage],
    ['sticker', inner.stickerMessage],
  ] as const;
  for (const [kind, media] of kinds) if (media) return { kind, media: media as AnyMedia & proto.Message.IImageMessage };
  return null;
}

function mediaContent(content: proto.IMessage): Content | null {
  const found = mediaOf(content);
  if (!found) return null;
  const { kind, media } = found;
  const bytes = media.fileLength === null || media.fileLength === undefined ? null : Number(media.fileLength);
  return {
    type: kind,
    caption: media.caption ? clip(media.caption) : null,
    media: {
      mime: media.mimetype ?? 'application/octet-stream',
      bytes,
      file_name: media.fileName ?? null,
      seconds: media.seconds ?? null,
      voice: media.ptt === true,
      sha256: media.fileSha256 ? Buffer.from(media.fileSha256).toString('hex') : null,
      state: bytes !== null && bytes >= MEDIA_LIMIT ? 'too_large' : 'available',
    },
  };
}

function placeContent(content: proto.IMessage): Content | null {
  const place = content.locationMessage ?? content.liveLocationMessage;
  if (!place) return null;
  const named = content.locationMessage;
  return {
    type: 'location',
    latitude: place.degreesLatitude ?? null,
    longitude: place.degreesLongitude ?? null,
    name: named?.name ?? null,
    address: named?.address ?? null,
  };
}

function contactContent(content: proto.IMessage): Content | null {
  const cards = content.contactMessage ? [content.contactMessage] : content.contactsArrayMessage?.contacts;
  if (!cards) return null;
  return { type: 'contacts', contacts: cards.map((card) => ({ name: card.displayName ?? null, vcard: clip(card.vcard ?? '') })) };
}

/** Buttons and lists: what was chosen is what was said. */
function chosenContent(content: proto.IMessage): Content | null {
  const text =
    content.buttonsResponseMessage?.selectedDisplayText ?? content.listResponseMessage?.title ?? content.templateButtonReplyMessage?.selectedDisplayText;
  return text ? { type: 'text', text: clip(text) } : null;
}

/** Parts that travel along and are no message of their own. */
const SILENT = ['senderKeyDistributionMessage', 'messageContextInfo', 'fastRatchetKeySenderKeyDistributionMessage'];

function unknownContent(content: proto.IMessage): Content | null {
  const fields = Object.entries(content).filter(([name, value]) => value !== null && value !== undefined && !SILENT.includes(name));
  const [name] = fields[0] ?? [];
  return name === undefined ? null : { type: 'unknown', name };
}

function quotedOf(message: WAMessage): object | null {
  const content = normalizeMessageContent(message.message);
  if (!content) return null;
  for (const part of Object.values(content) as unknown[]) {
    if (typeof part !== 'object' || part === null || !('contextInfo' in part)) continue;
    const context = part.contextInfo as proto.IContextInfo | null;
    if (!context?.stanzaId) continue;
    const quoted = normalizeMessageContent(context.quotedMessage);
    const text = quoted?.conversation ?? quoted?.extendedTextMessage?.text ?? null;
    return { wa_id: context.stanzaId, sender: context.participant ?? null, text: text === null ? null : clip(text) };
  }
  return null;
}

function clip(text: string): string {
  return text.slice(0, TEXT_LIMIT);
}
