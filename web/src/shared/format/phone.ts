/** A telephone number as people write it: Israeli ones without the country, others in groups. */
export function showPhone(number: string): string {
  const israeli = /^\+972([2-9]\d?)(\d{3})(\d{4})$/.exec(number);
  if (israeli) return `0${israeli[1]}-${israeli[2]}-${israeli[3]}`;
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  if (american) return `+1 ${american[1]}-${american[2]}-${american[3]}`;
  return number;
}

/** A number as somebody typed it, in the form that the API stores: a national one is taken for an Israeli one. */
export function readPhone(text: string): string {
  const plain = text.replace(/[\s()\-.\u200e\u200f]/g, '');
  if (plain.startsWith('00')) return `+${plain.slice(2)}`;
  return plain.startsWith('0') ? `+972${plain.slice(1)}` : plain;
}

/** The number behind an address on a channel, where it is one. */
export function numberOf(peer: string): string | null {
  const found = /^\+?(\d{7,15})(@s\.whatsapp\.net)?$/.exec(peer);
  return found ? `+${found[1]}` : null;
}

/** Where a tap on a number leads. */
export function callLink(number: string): string {
  return `tel:${number}`;
}

/** The conversation with a number in WhatsApp. */
export function whatsAppLink(number: string): string {
  return `https://wa.me/${number.replace(/\D/g, '')}`;
}
