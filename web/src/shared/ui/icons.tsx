import type { ReactNode } from 'react';

function icon(name: string, drawing: ReactNode) {
  const Icon = ({ size = 20 }: { size?: number }) => (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {drawing}
    </svg>
  );
  Icon.displayName = name;
  return Icon;
}

export const IconToday = icon('IconToday', <><circle cx="12" cy="12" r="4.5" /><path d="M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2" /></>);
export const IconPeople = icon('IconPeople', <><circle cx="9" cy="8" r="3.5" /><path d="M2.5 20a6.5 6.5 0 0 1 13 0M16 5a3.5 3.5 0 0 1 0 6.5M18 14.5a6.5 6.5 0 0 1 3.5 5.5" /></>);
export const IconPhone = icon('IconPhone', <path d="M5 3h4l2 5-2.5 2a12 12 0 0 0 5.5 5.5l2-2.5 5 2v4a2 2 0 0 1-2 2A17 17 0 0 1 3 5a2 2 0 0 1 2-2z" />);
export const IconTask = icon('IconTask', <><rect x="4" y="4" width="16" height="16" rx="3" /><path d="m8.5 12 2.5 2.5 4.5-5" /></>);
export const IconMore = icon('IconMore', <><circle cx="5" cy="12" r="1.2" /><circle cx="12" cy="12" r="1.2" /><circle cx="19" cy="12" r="1.2" /></>);
export const IconCalendar = icon('IconCalendar', <><rect x="3.5" y="5" width="17" height="15" rx="2.5" /><path d="M3.5 10h17M8 3v4M16 3v4" /></>);
export const IconDeal = icon('IconDeal', <><rect x="3" y="5" width="5" height="14" rx="1.5" /><rect x="9.5" y="5" width="5" height="9" rx="1.5" /><rect x="16" y="5" width="5" height="11" rx="1.5" /></>);
export const IconMoney = icon('IconMoney', <><rect x="2.5" y="6" width="19" height="12" rx="2.5" /><circle cx="12" cy="12" r="2.8" /></>);
export const IconAgent = icon('IconAgent', <><rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21" /></>);
export const IconLink = icon('IconLink', <><path d="M9.5 14.5 14.5 9.5" /><path d="m11 7 2-2a4 4 0 0 1 6 6l-2 2M13 17l-2 2a4 4 0 0 1-6-6l2-2" /></>);
export const IconTrash = icon('IconTrash', <path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5" />);
export const IconLog = icon('IconLog', <path d="M5 4h14v16H5zM8.5 9h7M8.5 13h7M8.5 17h4" />);
export const IconPerson = icon('IconPerson', <><circle cx="12" cy="8" r="4" /><path d="M4.5 20.5a7.5 7.5 0 0 1 15 0" /></>);
/** The card of somebody who works here. */
export const IconStaff = icon('IconStaff', <><rect x="3" y="5" width="18" height="14" rx="2.5" /><circle cx="9" cy="10.5" r="2" /><path d="M5.8 16a3.3 3.3 0 0 1 6.4 0M15 10h3M15 14h3" /></>);
export const IconChat = icon('IconChat', <path d="M12 3.5a8.5 8.5 0 0 0-7.3 12.8L3.5 20.5l4.3-1.1A8.5 8.5 0 1 0 12 3.5zM9 9.5c0 3 2.5 5.5 5.5 5.5" />);
export const IconWhatsApp = icon('IconWhatsApp', <><rect x="3.5" y="3.5" width="6" height="6" rx="1.2" /><rect x="14.5" y="3.5" width="6" height="6" rx="1.2" /><rect x="3.5" y="14.5" width="6" height="6" rx="1.2" /><path d="M14.5 14.5h2.5v2.5M20.5 14.5v.2M14.5 20.5h.2M18 20.5h2.5V18" /></>);
export const IconSend = icon('IconSend', <path d="M20.5 12 4 4.5l2.5 7.5L4 19.5zM6.5 12h14" />);
export const IconReady = icon('IconReady', <><path d="M13 3 5 13.5h6L10.5 21 19 10h-6.5z" /></>);
export const IconFile = icon('IconFile', <path d="M6 3.5h8l4 4v13H6zM14 3.5v4h4" />);
export const IconAttach = icon('IconAttach', <path d="m19 11-7.5 7.5a4.2 4.2 0 0 1-6-6L13 5a2.8 2.8 0 0 1 4 4l-7.3 7.3a1.4 1.4 0 0 1-2-2l6.5-6.5" />);
export const IconPin = icon('IconPin', <><path d="M12 21c4-5 6.5-8 6.5-11a6.5 6.5 0 0 0-13 0c0 3 2.5 6 6.5 11z" /><circle cx="12" cy="10" r="2.3" /></>);
export const IconPlus = icon('IconPlus', <path d="M12 5v14M5 12h14" />);
export const IconSearch = icon('IconSearch', <><circle cx="11" cy="11" r="6.5" /><path d="m16 16 5 5" /></>);
export const IconMoon = icon('IconMoon', <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" />);
export const IconSun = icon('IconSun', <><circle cx="12" cy="12" r="4.5" /><path d="M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4" /></>);
export const IconWarning = icon('IconWarning', <path d="M12 3.5 22 20H2zM12 10v4.5M12 17.3v.2" />);
export const IconClose = icon('IconClose', <path d="M6 6l12 12M18 6 6 18" />);
export const IconUp = icon('IconUp', <path d="M12 19V5M6 11l6-6 6 6" />);
export const IconDown = icon('IconDown', <path d="M12 5v14M6 13l6 6 6-6" />);
/** Opens a menu below it. */
export const IconOpen = icon('IconOpen', <path d="m6 9 6 6 6-6" />);
export const IconPen = icon('IconPen', <path d="M4 20l1-4.5L16.5 4a2.1 2.1 0 0 1 3 3L8 18.8zM14.5 6l3.5 3.5" />);
export const IconTag = icon('IconTag', <><path d="M3.5 4.5v7l9 9 7.5-7.5-9-9h-7z" /><circle cx="8" cy="9" r="1.2" /></>);
export const IconShield = icon('IconShield', <path d="M12 3 4.5 6v5.5c0 4.5 3.2 8 7.5 9.5 4.3-1.5 7.5-5 7.5-9.5V6z" />);
export const IconBuilding = icon('IconBuilding', <path d="M5 21V4h9v17M14 9h5v12M3 21h18M8 8h3M8 12h3M8 16h3" />);
export const IconFilter = icon('IconFilter', <path d="M4 6h16M7 12h10M10 18h4" />);
/** Points to where reading goes on: it is turned around with the page. */
export const IconForward = icon('IconForward', <path d="m9 5 7 7-7 7" />);
export const IconBack = icon('IconBack', <path d="m15 5-7 7 7 7" />);
export const IconBoard = icon('IconBoard', <><rect x="3.5" y="4" width="7" height="16" rx="1.5" /><rect x="13.5" y="4" width="7" height="10" rx="1.5" /></>);
export const IconList = icon('IconList', <path d="M4 6h16M4 12h16M4 18h16" />);
export const IconDownload = icon('IconDownload', <path d="M12 4v12M7 11l5 5 5-5M4 15v5h16v-5" />);
export const IconUpload = icon('IconUpload', <path d="M12 16V4M7 9l5-5 5 5M4 15v5h16v-5" />);
/** Points to the right in every language, as on every player. */
export const IconPlay = icon('IconPlay', <path d="M7 4.5v15l12-7.5z" />);
