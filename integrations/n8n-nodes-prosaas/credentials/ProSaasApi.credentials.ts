import type { IAuthenticateGeneric, ICredentialTestRequest, ICredentialType, INodeProperties } from 'n8n-workflow';

/** A key of the API, good for the rights it was made with. */
export class ProSaasApi implements ICredentialType {
  name = 'proSaasApi';

  displayName = 'ProSaaS API';

  properties: INodeProperties[] = [
    {
      displayName: 'Base URL',
      name: 'baseUrl',
      type: 'string',
      default: 'https://prosaas.pro',
      description: 'Of the installation, without a slash at the end; http://backend:5000 beside it',
    },
    {
      displayName: 'API Key',
      name: 'apiKey',
      type: 'string',
      typeOptions: { password: true },
      default: '',
      description: 'From Connections, API keys, with leads:read, leads:write, tasks:write, conversations:read and conversations:write',
    },
  ];

  authenticate: IAuthenticateGeneric = {
    type: 'generic',
    properties: { headers: { Authorization: '=Bearer {{$credentials.apiKey}}' } },
  };

  test: ICredentialTestRequest = {
    request: { baseURL: '={{$credentials.baseUrl}}', url: '/api/crm/leads?limit=1' },
  };
}
