import { useHealth } from "../api/queries";
import { serverNow } from "../api/clock";
import type { ClusterHealth } from "../api/types";
import { formatAge, plural, seconds } from "../parts/format";
import { Icon, type IconName } from "../parts/icons";
import type { Tone } from "../parts/states";
import { Name } from "../parts/text";

type Said = { tone: Tone; icon: IconName; text: string; title?: string };

const ago = (time: string | null) => (time ? formatAge(seconds(time, serverNow())) : null);

export const sayController = ({ controller, last_reconciled: last }: ClusterHealth): Said => {
  const since = ago(last);
  switch (controller) {
    case "reconciling":
      return { tone: "success", icon: "check", text: `Controller reconciles${since ? `, last ${since} ago` : ""}` };
    case "silent":
      return {
        tone: "failed",
        icon: "cross",
        text: `Controller is silent${since ? ` for ${since}` : ""}`,
        title: "Resources wait, and nobody reconciles them: is the ACK SageMaker controller running?",
      };
    case "idle":
      return { tone: "none", icon: "check", text: `Controller idle${since ? `, last heard of ${since} ago` : ""}`, title: "Nothing waits for it" };
    default:
      return { tone: "none", icon: "question", text: "Controller not known", title: "It has reconciled nothing yet, and nothing waits for it" };
  }
};

export const sayWatch = ({ watch }: ClusterHealth): Said => {
  const age = watch.age === null ? null : formatAge(watch.age);
  switch (watch.state) {
    case "live":
      return { tone: "success", icon: "pulse", text: `Watch live${age ? `, heard ${age} ago` : ""}` };
    case "connecting":
      return { tone: "waiting", icon: "clock", text: "Watch connecting" };
    default:
      return {
        tone: "failed",
        icon: "cross",
        text: `Watch failed${age ? `, heard ${age} ago` : ""}`,
        title: watch.error ?? undefined,
      };
  }
};

export const sayWaiting = ({ waiting, waiting_oldest: oldest }: ClusterHealth): Said => {
  const since = ago(oldest);
  if (waiting === 0) return { tone: "none", icon: "check", text: "Nothing waits" };
  return {
    tone: "retrying",
    icon: "clock",
    text: `${plural(waiting, "resource")} ${waiting === 1 ? "waits" : "wait"}${since ? `, oldest for ${since}` : ""}`,
  };
};

/** Whether what the page shows is true and moves: the controller, the watch, what waits. */
export const HealthStrip = ({ only }: { only?: string | null }) => {
  const { data, error } = useHealth();
  const clusters = (data?.clusters ?? []).filter(({ cluster }) => !only || cluster === only);
  if (!data && error) return null;
  return (
    <section className="asm-health" aria-label="Health" aria-busy={!data}>
      {/* Its place is kept: what moves under a pointer takes its click away. */}
      {!data && (
        <div className="asm-row asm-kept">
          <span className="asm-sign asm-small">&nbsp;</span>
        </div>
      )}
      {clusters.map((each) => (
        <div key={`${each.cluster}/${each.namespace}`} className="asm-row">
          <span className="asm-small">
            <Name>{each.cluster}</Name>
            <span className="asm-muted">
              {" / "}
              <Name>{each.namespace}</Name>
            </span>
          </span>
          {[sayController(each), sayWatch(each), sayWaiting(each)].map(({ tone, icon, text, title }) => (
            <span key={text} className="asm-sign asm-small" data-tone={tone} title={title}>
              <Icon name={icon} />
              {text}
            </span>
          ))}
          {each.watch.state === "failed" && each.watch.error && (
            <span dir="auto" className="asm-wrap asm-small">
              {each.watch.error}
            </span>
          )}
        </div>
      ))}
    </section>
  );
};
