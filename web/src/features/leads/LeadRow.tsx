import type { TFunction } from 'i18next';
import { type MouseEvent, memo } from 'react';

import type { Schemas } from '@/api/client';
import { shortTime } from '@/shared/format/when';
import { Own, Phone } from '@/shared/ui/Bidi';
import { Chip } from '@/shared/ui/Chip';
import { personName, personText } from '@/shared/ui/Person';
import { IconTrash } from '@/shared/ui/icons';
import { STAGE_TONES } from '@/shared/ui/stageName';

import type { Lead } from './data';
import classes from './LeadTable.module.css';

/** The height of a row, which its style sheet says too. */
export const ROW_PX = 56;

/** What every row is drawn with. */
export interface Look {
  t: TFunction;
  language: string;
  stages: ReadonlyMap<string, Schemas['Stage']>;
  stageName: (name: string) => string;
  memberName: (id: string | null | undefined) => string | null;
  mayWrite: boolean;
}

/** What can be done with a row. */
export interface Acts {
  choose: (id: string, isChosen: boolean) => void;
  open: (id: string) => void;
  /** Loads what opening it needs. */
  foresee: (id: string) => void;
  remove: (lead: Lead, button: HTMLElement) => void;
}

interface Props {
  lead: Lead;
  index: number;
  /** Whether it is ticked; nothing where there are no ticks. */
  isChosen: boolean | null;
  look: Look;
  acts: Acts;
}

/**
 * One lead of the table. Of plain elements alone, without a hook: thirty of them are made between two frames while
 * somebody scrolls, and the router's link with the kit's tick and button took longer than the frame.
 */
export const LeadRow = memo(function LeadRow({ lead, index, isChosen, look, acts }: Props) {
  const { t, language, stages, stageName, memberName, mayWrite } = look;
  const stage = stages.get(lead.stage_id ?? '');
  const name = personText(lead, t('leads.unnamed'));
  return (
    <div role="row" aria-rowindex={index + 2} className={classes.row} style={{ transform: `translateY(${index * ROW_PX}px)` }} data-testid="lead-row" data-lead-id={lead.id} data-chosen={isChosen === true}>
      {isChosen !== null && (
        <div role="cell">
          <input type="checkbox" className={classes.tick} aria-label={t('bulk.one', { name })} checked={isChosen} onChange={(event) => acts.choose(lead.id, event.currentTarget.checked)} />
        </div>
      )}
      <div role="cell">
        <a href={`/leads/${lead.id}`} className={classes.name} onClick={(event) => follow(event, () => acts.open(lead.id))} onPointerEnter={() => acts.foresee(lead.id)}>
          {personName(lead, name)}
        </a>
      </div>
      <div role="cell">{lead.phone ? <Phone number={lead.phone} link /> : ''}</div>
      <div role="cell">{stage && <Chip tone={STAGE_TONES[stage.kind]}>{stageName(stage.name)}</Chip>}</div>
      <div role="cell">
        <Own>{lead.next_step ?? lead.intent ?? ''}</Own>
      </div>
      <div role="cell">
        <Own>{memberName(lead.assignee_id) ?? ''}</Own>
      </div>
      <div role="cell">{shortTime(lead.active_at, language)}</div>
      <div role="cell">
        {mayWrite && (
          <button type="button" className={classes.remove} aria-label={t('leads.deleteOne', { name })} onClick={(event) => acts.remove(lead, event.currentTarget)} data-testid="lead-delete" data-lead-id={lead.id}>
            <IconTrash />
          </button>
        )}
      </div>
    </div>
  );
});

/** A plain click stays in the console; one that asks for another tab or window is the browser's. */
function follow(event: MouseEvent, open: () => void) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open();
}
