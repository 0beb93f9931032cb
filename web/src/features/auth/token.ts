import { useState } from 'react';

/** The one-time token behind the `#` of a link: it never reaches a server's log. */
export function tokenOf(hash: string): string | null {
  const token = new URLSearchParams(hash.replace(/^#/, '')).get('token');
  return token && token.length <= 100 ? token : null;
}

/** The token of the link that brought us here, taken out of the address and the browser's history. */
export function useLinkToken(): string | null {
  const [token] = useState(() => {
    const found = tokenOf(location.hash);
    if (found) history.replaceState(history.state, '', location.pathname);
    return found;
  });
  return token;
}
