import { useState } from "react";

import { useTimezone } from "../host/timezone";
import { formatTime } from "./format";
import { Icon } from "./icons";
import type { Tone } from "./states";
import type { IconName } from "./icons";

type NameProps = { children: string; cut?: boolean | "lines" };

/**
 * A name that somebody else chose: of any length, in any script. It cannot turn the text around it. `cut` leaves one
 * line of it, or two ("lines"); the title has the rest.
 */
export const Name = ({ children, cut = false }: NameProps) => (
  <bdi className={cut ? (cut === "lines" ? "asm-clamp" : "asm-cut") : "asm-name"} title={cut ? children : undefined}>
    {children}
  </bdi>
);

export const Time = ({ time }: { time: string }) => {
  const timeZone = useTimezone();
  const title = timeZone === "UTC" ? undefined : `${formatTime(time, "UTC")} UTC`;
  return (
    <time dateTime={time} title={title} className="asm-time">
      {formatTime(time, timeZone)}
    </time>
  );
};

export const Badge = ({ tone, icon, label }: { tone: Tone; icon: IconName; label: string }) => (
  <span className="asm-badge" data-tone={tone}>
    <Icon name={icon} />
    <bdi>{label}</bdi>
  </span>
);

export const CopyButton = ({ text, what }: { text: string; what: string }) => {
  const [said, say] = useState("");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => say("Copied"),
      () => say("The browser does not let it be copied"),
    );
  return (
    <span className="asm-row">
      <span role="status" className="asm-muted asm-small">
        {said}
      </span>
      <button type="button" className="asm-button" aria-label={`Copy ${what}`} onClick={copy} onBlur={() => say("")}>
        <Icon name="copy" />
        Copy
      </button>
    </span>
  );
};
