import type { Schemas } from '@/api/client';
import { Ltr, Phone } from '@/shared/ui/Bidi';

/** Numbers and addresses of a lead, one below the other. */
export function Identities({ of, link = false }: { of: readonly Schemas['LeadIdentity'][]; link?: boolean }) {
  return of.map(({ id, kind, value }) => <div key={id}>{kind === 'e164' ? <Phone number={value} link={link} /> : <Ltr>{value}</Ltr>}</div>);
}
