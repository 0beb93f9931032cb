import type { IDataObject, INodeType, INodeTypeDescription, IWebhookFunctions, IWebhookResponseData } from 'n8n-workflow';

import { doubt, signedOf } from '../../lib/signature';

/** What n8n keeps of a request beside what Express knows. */
interface RawRequest {
  rawBody?: Buffer;
  readRawBody?: () => Promise<void>;
}

/** Kinds of events that the server sends; `*` takes all of them. */
const EVENTS = [
  ['*', 'Everything'],
  ['appointment.booked', 'Appointment Booked'],
  ['appointment.updated', 'Appointment Changed'],
  ['call.finished', 'Call Finished'],
  ['call.missed', 'Call Missed'],
  ['call.started', 'Call Started'],
  ['call.summarized', 'Call Summarized'],
  ['lead.created', 'Lead Created'],
  ['lead.updated', 'Lead Updated'],
  ['message.received', 'Message Received'],
  ['message.written', 'Message Written by the Business'],
  ['payment.created', 'Payment Asked For'],
  ['payment.paid', 'Payment Paid'],
  ['payment.refunded', 'Payment Refunded'],
  ['payment.updated', 'Payment Changed'],
  ['task.created', 'Task Created'],
  ['task.updated', 'Task Changed'],
] as const;

/** Starts a workflow with each event whose signature is good. */
export class ProSaasTrigger implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'ProSaaS Trigger',
    name: 'proSaasTrigger',
    icon: 'file:prosaas.svg',
    group: ['trigger'],
    version: 1,
    subtitle: '={{$parameter["events"].join(", ")}}',
    description: 'Starts the workflow with a signed event of ProSaaS',
    defaults: { name: 'ProSaaS Trigger' },
    inputs: [],
    outputs: ['main'],
    credentials: [{ name: 'proSaasWebhook', required: true }],
    webhooks: [{ name: 'default', httpMethod: 'POST', responseMode: 'onReceived', path: 'prosaas' }],
    properties: [
      {
        displayName: 'Add the address of this webhook in the console under Connections, Webhooks, and put the secret that is shown into the credential.',
        name: 'notice',
        type: 'notice',
        default: '',
      },
      {
        displayName: 'Events',
        name: 'events',
        type: 'multiOptions',
        options: EVENTS.map(([value, name]) => ({ name, value })),
        default: ['*'],
        description: 'Others are acknowledged and start nothing',
      },
    ],
  };

  async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
    const { secret } = (await this.getCredentials('proSaasWebhook')) as { secret: string };
    const request = this.getRequestObject() as unknown as RawRequest;
    if (request.rawBody === undefined) await request.readRawBody?.();
    const body = request.rawBody ?? Buffer.alloc(0);
    const signed = signedOf(this.getHeaderData() as Record<string, string | string[] | undefined>);
    const reason = doubt(secret, signed, body, Math.floor(Date.now() / 1000));
    if (reason !== null) {
      // Why stays here: whoever tries signatures is told nothing.
      this.logger.warn(`ProSaaS Trigger: a delivery was refused (${reason})`);
      this.getResponseObject().status(401).json({ error: 'not signed' });
      return { noWebhookResponse: true };
    }
    const event = JSON.parse(body.toString('utf8')) as IDataObject;
    const wanted = this.getNodeParameter('events', ['*']) as string[];
    if (!wanted.includes('*') && !wanted.includes(String(event['type']))) return {};
    // The id is the same at every attempt: a workflow that must not act twice remembers it.
    return { workflowData: [[{ json: { id: signed.id, ...event } }]] };
  }
}
