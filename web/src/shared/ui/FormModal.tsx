import { Modal } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { type Fields, Form } from './Form';

interface Props {
  title: string;
  opened: boolean;
  onClose: () => void;
  /** The word on the button; "save" when not said. */
  action?: string;
  danger?: boolean;
  /** Does it; what it throws is shown, and the window stays open. */
  onSubmit: (form: FormData) => Promise<unknown>;
  children: Fields;
  /** Whether it can be done yet; it can when not said. */
  canSubmit?: boolean;
  /** For the button that confirms. */
  mark?: Record<`data-${string}`, string>;
}

/** A form in a window of its own. */
export function FormModal({ title, opened, onClose, action, danger = false, canSubmit = true, onSubmit, children, mark }: Props) {
  const { t } = useTranslation();
  // A window that is made open does not know by itself where the focus was.
  const [opener] = useState(() => (opened ? document.activeElement : null));
  // What it is about may be known no more while it goes off the screen; its title stays.
  const [shown, setShown] = useState(title);
  if (opened && shown !== title) setShown(title);
  const giveBack = () => {
    if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
  };
  return (
    <Modal opened={opened} onClose={onClose} onExitTransitionEnd={giveBack} title={opened ? title : shown} closeButtonProps={{ 'aria-label': t('common.close') }} centered>
      <Form action={action ?? t('common.save')} danger={danger} canSubmit={canSubmit} onSubmit={onSubmit} onDone={onClose} onCancel={onClose} mark={mark}>
        {children}
      </Form>
    </Modal>
  );
}
