// Builds everything and runs the tests. `--kills N` and `--memory` run the long ones alone.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const [option, count] = process.argv.slice(2);
const run = (command, args, env = {}) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) process.exit(status ?? 1);
};

run(process.execPath, ['node_modules/typescript/bin/tsc']);
if (option === '--memory') {
  run(process.execPath, ['--expose-gc', 'target/all/test/memory.js']);
} else {
  const folders = option === '--kills' ? [] : ['unit', 'e2e'];
  const files = folders.flatMap((folder) =>
    readdirSync(`target/all/test/${folder}`)
      .filter((name) => name.endsWith('.test.js'))
      .map((name) => `target/all/test/${folder}/${name}`),
  );
  if (option === '--kills') files.push('target/all/test/e2e/kills.test.js');
  run(process.execPath, ['--test', '--test-concurrency=2', ...files], option === '--kills' ? { KILLS: count ?? '100' } : {});
}
