import type { ICredentialType, INodeProperties } from 'n8n-workflow';

/** The secret of one webhook. */
export class ProSaasWebhook implements ICredentialType {
  name = 'proSaasWebhook';

  displayName = 'ProSaaS Webhook Secret';

  properties: INodeProperties[] = [
    {
      displayName: 'Secret',
      name: 'secret',
      type: 'string',
      typeOptions: { password: true },
      default: '',
      placeholder: 'whsec_...',
      description: 'Shown once, when the webhook is added in the console under Connections, Webhooks',
    },
  ];
}
