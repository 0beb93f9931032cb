import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type World, importLeads } from './world';

interface Versioned {
  id: string;
  version: number;
}

const HOUR_MS = 3_600_000;

/** So many hours from now, on the full hour. */
function at(hours: number): string {
  const moment = new Date(Date.now() + hours * HOUR_MS);
  moment.setMinutes(0, 0, 0);
  return moment.toISOString();
}

/** That hour of a day of this week, Sunday being 0. */
function onDay(day: number, hour: number): string {
  const moment = new Date();
  moment.setDate(moment.getDate() - moment.getDay() + day);
  moment.setHours(hour, 0, 0, 0);
  return moment.toISOString();
}

/** Records as a business has them: made over the API, by nobody's hand in a database. */
export async function fill(world: World): Promise<void> {
  await settings(world);
  const leads = await people(world);
  await work(world, leads);
  await money(world, leads);
  world.addMember('noa@levi.example', 'נועה כהן', 'agent');
}

async function settings({ ask }: World): Promise<void> {
  const { working_in } = await ask<{ working_in: string }>('GET', '/api/auth/me');
  const path = `/api/businesses/${working_in}`;
  const { version } = await ask<Versioned>('GET', path);
  await ask(
    'PATCH',
    path,
    {
      name: 'לוי אינסטלציה',
      greeting: 'שלום, הגעתם ללוי אינסטלציה. איך אפשר לעזור?',
      instructions: 'אנחנו אינסטלטורים בחיפה והקריות.\nלברר שם, כתובת ומה התקלה. נזילה פעילה היא דחופה.\nלא להבטיח מחיר בטלפון: ביקור עולה 350 ₪, והשאר אחרי שרואים.',
    },
    version,
  );
  await ask('PUT', `${path}/transfer-targets`, {
    targets: [
      { label: 'אבי (בעלים)', number: '+12025550199' },
      { label: 'משרד', number: '+12025550198' },
    ],
  });
  const known = [
    ['question', 'כמה עולה ביקור?', 'ביקור ואבחון 350 ₪ כולל מע״מ. התיקון עצמו לפי הצעת מחיר במקום.'],
    ['question', 'באילו אזורים עובדים?', 'חיפה, הקריות וטירת כרמל. מחוץ לאזור רק בתיאום.'],
    ['text', 'אחריות', 'שנה על העבודה, ולפי היצרן על החלקים (Chromagen, Grohe).'],
  ];
  for (const [kind, title, body] of known) await ask('POST', `${path}/knowledge`, { kind, title, body });
  const replies = [
    ['כתובת', 'אנחנו ברחוב הנביאים 12, חיפה. יש חניה בחצר.'],
    ['תודה', 'תודה {name}! כאן {business}, תמיד אפשר לכתוב לנו.'],
  ];
  for (const [shortcut, text] of replies) await ask('POST', '/api/wa/replies', { shortcut, text });
}

/** The leads, by name. */
type People = Map<string, string>;

async function people({ ask }: World): Promise<People> {
  await importLeads(ask, readFileSync(join(import.meta.dirname, 'leads.csv'), 'utf8'));
  const { data: stages } = await ask<{ data: { id: string; name: string }[] }>('GET', '/api/crm/stages');
  const stage = (name: string) => stages.find((one) => one.name === name)?.id;
  const returning = await ask<{ id: string }>('POST', '/api/crm/tags', { name: 'לקוח חוזר', color: '#0b7285' });
  const contractor = await ask<{ id: string }>('POST', '/api/crm/tags', { name: 'קבלן', color: '#8a4b00' });
  const changes: Record<string, object> = {
    'משה כהן': { intent: 'נזילה מתחת לכיור במטבח', next_step: 'לתאם ביקור להיום', tags: [returning.id] },
    'יעל (Yael) Mizrahi': { intent: 'החלפת ברז Grohe', next_step: 'לשלוח הצעת מחיר', stage_id: stage('contacted') },
    'אבי שלום': { intent: 'סתימה בביוב', next_step: 'להתקשר אחרי 16:00', stage_id: stage('contacted') },
    'שרה לוי - קבלן שיפוצים ובנייה בע״מ': { company: 'ש. לוי שיפוצים', intent: 'צנרת לדירת 4 חדרים', stage_id: stage('qualified'), tags: [contractor.id] },
    'ועד הבית הרצל 12 חיפה': { intent: 'החלפת קו ביוב משותף', next_step: 'הצעה לאסיפת דיירים', stage_id: stage('qualified') },
    'תמר גולן': { intent: 'דוד שמש 150 ליטר', stage_id: stage('won'), tags: [returning.id] },
    'יוסי אזולאי': { intent: 'מצאו מישהו זול יותר', stage_id: stage('lost') },
  };
  const { data } = await ask<{ data: (Versioned & { name: string })[] }>('GET', '/api/crm/leads?limit=100');
  for (const { id, name, version } of data) {
    if (changes[name]) await ask('PATCH', `/api/crm/leads/${id}`, changes[name], version);
  }
  return new Map(data.map(({ id, name }) => [name, id]));
}

async function work({ ask }: World, leads: People): Promise<void> {
  const moshe = leads.get('משה כהן');
  const yael = leads.get('יעל (Yael) Mizrahi');
  const house = leads.get('ועד הבית הרצל 12 חיפה');
  await ask('POST', '/api/crm/notes', { lead_id: moshe, body: 'ביקש הצעת מחיר גם לדוד שמש 150 ליטר (Chromagen)' });
  const tasks = [
    { title: 'להתקשר לגבי הצעת המחיר', lead_id: yael, due_at: at(-2), priority: 'urgent' },
    { title: 'Order valve 3/4" for Monday', due_at: at(1) },
    { title: 'להכין הצעה לוועד הבית', body: 'קו ביוב 110 מ״מ, 24 מטר', lead_id: house, due_at: at(26) },
    { title: 'לשלוח חשבונית על הביקור', lead_id: moshe },
  ];
  for (const task of tasks) await ask('POST', '/api/crm/tasks', task);
  const appointments = [
    { title: 'ביקור: נזילה במטבח', lead_id: moshe, starts_at: at(3), ends_at: at(4), place: 'הרצל 12, חיפה' },
    { title: 'מדידה לדוד שמש', lead_id: leads.get('תמר גולן'), starts_at: onDay(2, 9), ends_at: onDay(2, 10), place: 'שד׳ מוריה 40, חיפה' },
    { title: 'פגישה עם ועד הבית', lead_id: house, starts_at: onDay(4, 18), ends_at: onDay(4, 19), place: 'הרצל 12, חיפה' },
  ];
  for (const appointment of appointments) await ask('POST', '/api/crm/appointments', appointment);
  const { data: calls } = await ask<{ data: { id: string }[] }>('GET', '/api/calls');
  const call_id = calls.at(-1)?.id;
  await ask('POST', '/api/crm/promises', { call_id, what: 'אבי יחזור עם שעה מדויקת למחר בבוקר', who: 'הסוכן', said_at_ms: 9_000, due_at: at(2) });
}

async function money({ ask }: World, leads: People): Promise<void> {
  // A pipeline comes with its stages.
  const pipeline = await ask<{ stages: { id: string; position: number }[] }>('POST', '/api/crm/pipelines', { name: 'מכירות' });
  const stages = [...pipeline.stages].sort((a, b) => a.position - b.position).map(({ id }) => id);
  const deals: [string, string, number, number][] = [
    ['החלפת דוד שמש', 'תמר גולן', 450_000, 0],
    ['צנרת לדירת 4 חדרים', 'שרה לוי - קבלן שיפוצים ובנייה בע״מ', 1_850_000, 1],
    ['קו ביוב משותף', 'ועד הבית הרצל 12 חיפה', 2_240_000, 1],
    ['ברז Grohe', 'יעל (Yael) Mizrahi', 89_990, 0],
  ];
  for (const [title, name, amount, stage] of deals) {
    await ask('POST', '/api/crm/deals', { title, lead_id: leads.get(name), stage_id: stages[stage], value: { amount, currency: 'ILS' } });
  }
  const payments = [
    { lead_id: leads.get('משה כהן'), value: { amount: 35_000, currency: 'ILS' }, method: 'cash', description: 'ביקור', paid_at: at(-1) },
    { lead_id: leads.get('תמר גולן'), value: { amount: 450_000, currency: 'ILS' }, method: 'transfer', description: 'דוד שמש והתקנה', paid_at: at(-50) },
    { lead_id: leads.get('Ruth Bar-On'), value: { amount: 12_050, currency: 'USD' }, method: 'card', description: 'Valve and labour', paid_at: at(-72) },
  ];
  for (const payment of payments) await ask('POST', '/api/crm/payments', payment);
}
