/** One event of a trace; times are in microseconds. */
interface Event {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  dur?: number;
  tdur?: number;
  args?: { name?: string };
}

/** What long tasks cost, in milliseconds of the processor. */
export interface Busy {
  /** How many took the processor for longer than asked. */
  tasks: number;
  longest: number;
}

/**
 * Tasks of the page's main thread by how long they had the processor: by the clock, a task is long as well when another
 * program was let in between.
 */
export function busyTasks(trace: Buffer, longerThanMs: number): Busy {
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: Event[] };
  const mains = new Set(traceEvents.filter(({ ph, name, args }) => ph === 'M' && name === 'thread_name' && args?.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  const spent = new Map<string, number[]>();
  for (const { name, pid, tid, tdur } of traceEvents) {
    const thread = `${pid} ${tid}`;
    if (tdur === undefined || !name.endsWith('::RunTask') || !mains.has(thread)) continue;
    const known = spent.get(thread);
    if (known) known.push(tdur / 1000);
    else spent.set(thread, [tdur / 1000]);
  }
  // Other pages are at rest meanwhile.
  const sum = (times: number[]) => times.reduce((all, one) => all + one, 0);
  const [page = []] = [...spent.values()].sort((a, b) => sum(b) - sum(a));
  if (page.length === 0) throw new Error('the trace has no task of a page');
  return { tasks: page.filter((ms) => ms > longerThanMs).length, longest: Math.round(page.reduce((most, ms) => Math.max(most, ms), 0)) };
}
