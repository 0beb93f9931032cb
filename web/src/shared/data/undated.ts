import { useQuery } from '@tanstack/react-query';

import { type Schemas, api, unwrap } from '@/api/client';

/** The newest open tasks without a date, such as those that the agent noted: a list by date does not have them. */
export function useUndated(assignee_id?: string) {
  const query = { status: 'open' as const, assignee_id, limit: 200 };
  const tasks = useQuery({ queryKey: ['task', 'undated', assignee_id], queryFn: () => unwrap(api.GET('/api/crm/tasks', { params: { query } })) });
  const rows: Schemas['Task'][] = tasks.data?.data.filter((task) => !task.due_at) ?? [];
  return { ...tasks, rows };
}
