import { ActionIcon, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { PersonName, personText } from '@/shared/ui/Person';
import { IconTrash } from '@/shared/ui/icons';

import { type Lead, useDeleteLead } from './data';

/** The button that deletes a lead, after asking. A tap on it does not open the lead. */
export function DeleteLead({ lead, onDeleted, quiet = false }: { lead: Lead; onDeleted?: () => void; quiet?: boolean }) {
  const { t } = useTranslation();
  // A list has this button a hundred times: its window is made when it is first asked for. One that is made open does
  // not know where the focus was.
  const button = useRef<HTMLButtonElement>(null);
  const [wasAsked, setWasAsked] = useState(false);
  const [asking, setAsking] = useState(false);
  const ask = () => {
    setWasAsked(true);
    setAsking(true);
  };
  const mark = { 'data-testid': 'lead-delete', 'data-lead-id': lead.id };
  return (
    <>
      <ActionIcon ref={button} size={44} variant={quiet ? 'subtle' : 'light'} color="red" aria-label={t('leads.deleteOne', { name: personText(lead, t('leads.unnamed')) })} onClick={ask} {...mark}>
        <IconTrash />
      </ActionIcon>
      {wasAsked && <DeleteWindow lead={lead} opened={asking} onClose={() => setAsking(false)} onGone={() => button.current?.focus({ preventScroll: true })} onDeleted={onDeleted} />}
    </>
  );
}

interface WindowProps {
  lead: Lead;
  opened: boolean;
  onClose: () => void;
  /** When the window is off the screen: the focus goes back to where it was. */
  onGone: () => void;
  onDeleted?: (() => void) | undefined;
}

/** Asks whether a lead is to be deleted. */
export function DeleteWindow({ lead, opened, onClose, onGone, onDeleted }: WindowProps) {
  const { t } = useTranslation();
  const remove = useDeleteLead();
  const confirm = () => {
    onClose();
    void remove(lead);
    onDeleted?.();
  };
  return (
    <Modal opened={opened} onClose={onClose} onExitTransitionEnd={onGone} title={t('leads.deleteTitle')} closeButtonProps={{ 'aria-label': t('common.close') }} centered>
      <Stack>
        <Text>
          <PersonName person={lead} />
        </Text>
        <Text c="dimmed">{t('leads.deleteHint')}</Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button color="red" onClick={confirm} data-testid="lead-delete-confirm" data-lead-id={lead.id}>
            {t('common.delete')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
