import type { IDataObject, IExecuteFunctions, IHttpRequestOptions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { createLead, createTask, findConversation, sendMessage, type Asked } from '../../lib/requests';

const only = (operation: string) => ({ show: { operation: [operation] } });
const text = (displayName: string, name: string, description: string) =>
  ({ displayName, name, type: 'string', default: '', description }) as const;

/** Asks the API for one thing an item. */
export class ProSaas implements INodeType {
  description: INodeTypeDescription = {
    displayName: 'ProSaaS',
    name: 'proSaas',
    icon: 'file:prosaas.svg',
    group: ['output'],
    version: 1,
    subtitle: '={{$parameter["operation"]}}',
    description: 'Creates leads and tasks and sends WhatsApp messages',
    defaults: { name: 'ProSaaS' },
    inputs: ['main'],
    outputs: ['main'],
    credentials: [{ name: 'proSaasApi', required: true }],
    properties: [
      {
        displayName: 'Operation',
        name: 'operation',
        type: 'options',
        noDataExpression: true,
        options: [
          { name: 'Create Lead', value: 'createLead', action: 'Create a lead' },
          { name: 'Create Task', value: 'createTask', action: 'Create a task' },
          { name: 'Send WhatsApp', value: 'sendWhatsApp', action: 'Send a whats app message to a lead' },
        ],
        default: 'createLead',
      },
      {
        displayName: 'Lead',
        name: 'lead',
        type: 'collection',
        placeholder: 'Add Field',
        default: {},
        displayOptions: only('createLead'),
        description: 'At least a name, a phone number or an e-mail address',
        options: [
          text('Company', 'company', 'Where the person works'),
          text('Email', 'email', 'An address such as dana@example.com'),
          text('Intent', 'intent', 'What the person wants'),
          text('Name', 'name', 'What the person is called'),
          text('Next Step', 'next_step', 'What somebody should do next'),
          text('Notes', 'notes', 'Anything else'),
          text('Phone', 'phone', 'As people write it; national numbers are of the country of the business'),
        ],
      },
      { ...text('Title', 'title', 'What is to be done, in a line'), required: true, displayOptions: only('createTask') },
      {
        displayName: 'Task',
        name: 'task',
        type: 'collection',
        placeholder: 'Add Field',
        default: {},
        displayOptions: only('createTask'),
        options: [
          text('Body', 'body', 'The rest of it'),
          { displayName: 'Due', name: 'due_at', type: 'dateTime', default: '', description: 'When it has to be done' },
          text('Lead ID', 'lead_id', 'Whom it is about'),
          {
            displayName: 'Priority',
            name: 'priority',
            type: 'options',
            options: ['low', 'normal', 'urgent'].map((value) => ({ name: value, value })),
            default: 'normal',
          },
          { displayName: 'Remind', name: 'remind_at', type: 'dateTime', default: '', description: 'When somebody is reminded of it' },
        ],
      },
      { ...text('Lead ID', 'leadId', 'Who is written to; a conversation with the lead must be there already'), required: true, displayOptions: only('sendWhatsApp') },
      { ...text('Text', 'text', 'What is written'), required: true, displayOptions: only('sendWhatsApp') },
    ],
  };

  async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
    const results: INodeExecutionData[] = [];
    for (const [item] of this.getInputData().entries()) {
      try {
        const json = await act(this, item);
        results.push({ json, pairedItem: { item } });
      } catch (error) {
        if (!this.continueOnFail()) throw new NodeOperationError(this.getNode(), error as Error, { itemIndex: item });
        results.push({ json: { error: (error as Error).message }, pairedItem: { item } });
      }
    }
    return [results];
  }
}

async function act(node: IExecuteFunctions, item: number): Promise<IDataObject> {
  const parameter = (name: string) => node.getNodeParameter(name, item);
  const operation = parameter('operation') as string;
  switch (operation) {
    case 'createLead':
      return ask(node, item, createLead(parameter('lead') as IDataObject));
    case 'createTask':
      return ask(node, item, createTask(parameter('title') as string, parameter('task') as IDataObject));
    case 'sendWhatsApp': {
      const found = await ask(node, item, findConversation(parameter('leadId') as string));
      const [conversation] = (found['data'] ?? []) as IDataObject[];
      if (conversation === undefined) throw new Error('There is no WhatsApp conversation with this lead yet.');
      return ask(node, item, sendMessage(String(conversation['id']), parameter('text') as string));
    }
    default:
      throw new Error(`There is no operation ${operation}.`);
  }
}

/** One request. Tried again, it is the same one: the server does nothing twice under one key. */
async function ask(node: IExecuteFunctions, item: number, asked: Asked): Promise<IDataObject> {
  const { baseUrl } = (await node.getCredentials('proSaasApi', item)) as { baseUrl: string };
  const options: IHttpRequestOptions = { method: asked.method, url: baseUrl.replace(/\/+$/, '') + asked.path, json: true };
  if (asked.body !== undefined) {
    options.body = asked.body;
    options.headers = { 'Idempotency-Key': `n8n-${node.getExecutionId()}-${node.getNode().id}-${item}` };
  }
  return (await node.helpers.httpRequestWithAuthentication.call(node, 'proSaasApi', options)) as IDataObject;
}
