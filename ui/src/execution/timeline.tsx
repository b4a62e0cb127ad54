import type { TimelineEntry, TimelineKind } from "../api/types";
import { formatAge, seconds } from "../parts/format";
import { Panel } from "../parts/facts";
import { Icon, type IconName } from "../parts/icons";
import type { Tone } from "../parts/states";
import { Time } from "../parts/text";

const KINDS: Record<TimelineKind, { tone: Tone; icon: IconName; said: string }> = {
  info: { tone: "none", icon: "dot", said: "" },
  good: { tone: "success", icon: "check", said: "Good: " },
  bad: { tone: "failed", icon: "cross", said: "Bad: " },
  waiting: { tone: "waiting", icon: "clock", said: "Waiting: " },
};

export const Timeline = ({ entries }: { entries: TimelineEntry[] }) => (
  <Panel title="Timeline">
    {entries.length === 0 ? (
      <p className="asm-muted">Nothing has happened to it yet.</p>
    ) : (
      <ol className="asm-timeline asm-tall" tabIndex={0} aria-label="Timeline">
        {entries.map((entry, at) => (
          <Entry key={`${entry.time} ${entry.what} ${at}`} entry={entry} before={entries[at - 1]} />
        ))}
      </ol>
    )}
  </Panel>
);

const Entry = ({ entry, before }: { entry: TimelineEntry; before: TimelineEntry | undefined }) => {
  const { tone, icon, said } = KINDS[entry.kind] ?? KINDS.info;
  const later = before?.time && entry.time ? seconds(before.time, Date.parse(entry.time)) : 0;
  return (
    <li data-tone={tone}>
      <span className="asm-dot">
        <Icon name={icon} />
      </span>
      <div>
        <p className="asm-strong">
          {said && <span className="asm-hidden">{said}</span>}
          <bdi className="asm-wrap">{entry.what}</bdi>
        </p>
        <p className="asm-muted asm-small">
          {entry.time ? <Time time={entry.time} /> : "at a time that is not known"}
          {later > 0 && ` (${formatAge(later)} later)`}
        </p>
        {entry.detail && (
          <p dir="auto" className="asm-wrap asm-small">
            {entry.detail}
          </p>
        )}
      </div>
    </li>
  );
};
