// What `cargo xtask compose-check` has a browser do: an owner chooses his password, finds the call's lead and the QR
// code of WhatsApp, all through nginx with TLS, and connects n8n. Prints one line of JSON: the webhook's secret, and a key.
//
//   node scripts/deployed.mjs https://prosaas.test LINK FOLDER-FOR-PICTURES

import { chromium } from 'playwright-core';

const [origin, link, pictures] = process.argv.slice(2);
const PASSWORD = 'correct horse battery staple';
const EMAIL = 'owner@levi.example';
const host = new URL(origin).hostname;

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', `--host-resolver-rules=MAP ${host} 127.0.0.1`],
});
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 375, height: 740 } });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => message.text().includes('Content Security Policy') && wrong.push(message.text()));
  await page.goto(origin);

  const ask = (method, path, body) =>
    page.evaluate(
      async ([method, path, body]) => {
        const headers = { 'content-type': 'application/json', 'x-prosaas-request': '1' };
        const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
        if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
        return response.status === 204 ? null : response.json();
      },
      [method, path, body],
    );
  await ask('POST', '/api/auth/password-reset/confirm', { token: /token=([\w-]+)/.exec(link)[1], password: PASSWORD });
  await ask('POST', '/api/auth/login', { email: EMAIL, password: PASSWORD });

  await page.goto(`${origin}/leads`);
  await page.getByTestId('lead-card').first().waitFor();
  await page.screenshot({ path: `${pictures}/leads.png` });
  // A phone is offered a code to type first: it cannot scan its own screen.
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.goto(`${origin}/whatsapp`);
  await page.getByTestId('wa-show-qr').or(page.getByTestId('wa-restart')).first().click();
  await page.getByTestId('wa-qr').waitFor();
  await page.screenshot({ path: `${pictures}/qr.png` });
  if (wrong.length > 0) throw new Error(wrong.join('\n'));

  const webhook = await ask('POST', '/api/webhooks', { url: 'http://n8n:5678/webhook/prosaas', events: [] });
  const key = await ask('POST', '/api/api-keys', { name: 'n8n', scopes: ['leads:read', 'leads:write'] });
  process.stdout.write(JSON.stringify({ secret: webhook.secret, key: key.secret }) + '\n');
} finally {
  await browser.close();
}
