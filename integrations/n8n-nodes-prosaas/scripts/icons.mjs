// Puts the icons beside the compiled nodes, where n8n looks for them.
import { copyFileSync } from 'node:fs';

for (const node of ['ProSaas', 'ProSaasTrigger']) copyFileSync(`nodes/${node}/prosaas.svg`, `dist/nodes/${node}/prosaas.svg`);
