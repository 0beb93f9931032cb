const DAY_MS = 86_400_000;

function locale(language: string): string {
  return language === 'he' ? 'he-IL' : 'en-GB';
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A format is made once: making it costs as much as fifty uses, and a list has one time in each row. */
function written(at: Date, language: string, options: Intl.DateTimeFormatOptions): string {
  const key = language + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale(language), options);
    formats.set(key, format);
  }
  return format.format(at);
}

/** The beginning of the day of `at`, by the browser's clock. */
export function dayOf(at: Date): Date {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate());
}

/** The Sunday on which the week of `at` begins. */
export function weekOf(at: Date): Date {
  return addDays(dayOf(at), -at.getDay());
}

/** `days` later, at the same time of day: a day may have 23 or 25 hours. */
export function addDays(at: Date, days: number): Date {
  const moved = new Date(at);
  moved.setDate(moved.getDate() + days);
  return moved;
}

/** A moment beside other things: the time alone today, the day otherwise. */
export function shortTime(at: string, language: string, now = new Date()): string {
  const date = new Date(at);
  const isToday = dayOf(date).getTime() === dayOf(now).getTime();
  const isNear = Math.abs(date.getTime() - now.getTime()) < 300 * DAY_MS;
  const options: Intl.DateTimeFormatOptions = isToday
    ? { hour: '2-digit', minute: '2-digit' }
    : isNear
      ? { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }
      : { day: 'numeric', month: 'short', year: 'numeric' };
  return written(date, language, options);
}

/** A moment with its day, and with its year where it is another one: a phone has no room for what everybody knows. */
export function longTime(at: string, language: string, now = new Date()): string {
  const date = new Date(at);
  // Not `timeStyle`: in Hebrew it writes "5:01", where every other time on the screen is "05:01".
  const options: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' };
  if (date.getFullYear() !== now.getFullYear()) options.year = 'numeric';
  return written(date, language, options);
}

/** A day with its year. */
export function dayAndYear(at: string, language: string): string {
  return written(new Date(at), language, { dateStyle: 'medium' });
}

/** A month as the API names it, such as `2026-11`, by its name. */
export function monthName(month: string, language: string): string {
  return written(new Date(`${month}-15T12:00:00`), language, { month: 'long', year: 'numeric' });
}

/** The time of day. */
export function clockTime(at: string, language: string): string {
  return written(new Date(at), language, { hour: '2-digit', minute: '2-digit' });
}

/** A day by its name and number. */
export function dayName(at: Date, language: string): string {
  return written(at, language, { weekday: 'long', day: 'numeric', month: 'long' });
}

/** A day of the week. */
export function weekday(at: Date, language: string): string {
  return written(at, language, { weekday: 'long' });
}

/** A day of the month, short. */
export function dayAndMonth(at: Date, language: string): string {
  return written(at, language, { day: 'numeric', month: 'short' });
}

/** A length of time as `m:ss`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** What a field for a day or a moment holds, in words: with the day of the week, and no doubt which number is the month. */
export function momentInWords(value: string, language: string): string {
  const hasTime = value.includes('T');
  const at = new Date(hasTime ? value : `${value}T12:00:00`);
  if (Number.isNaN(at.getTime())) return '';
  const options: Intl.DateTimeFormatOptions = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' };
  return written(at, language, hasTime ? { ...options, hour: '2-digit', minute: '2-digit' } : options);
}

/** What `<input type="datetime-local">` shows for a moment. */
export function toInput(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** What such an input holds, as the API takes it; nothing when it is empty. */
export function fromInput(value: string): string | null {
  return value === '' ? null : new Date(value).toISOString();
}
