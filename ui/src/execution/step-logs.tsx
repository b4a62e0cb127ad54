import { useLog, type ExecutionKey } from "../api/queries";
import { ExternalLink } from "../host/links";
import { Icon } from "../parts/icons";
import { useKept } from "../parts/kept";
import { Failure, Spinner } from "../parts/messages";
import { Time } from "../parts/text";

/** What the job of a step has written last, and where all of it is. */
export const StepLogs = ({ address, step, url }: { address: ExecutionKey; step: string; url: string }) => {
  const [open, setOpen] = useKept<boolean>(`log:${address.namespace}/${address.name}/${step}`, false);
  const { data, error } = useLog(address, step, open);
  return (
    <>
      <p>
        <ExternalLink url={url}>
          Log in CloudWatch <Icon name="out" />
          <span className="asm-hidden"> (new window)</span>
        </ExternalLink>
      </p>
      <details className="asm-stack" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Last lines of the log</summary>
        {error && <Failure error={error} />}
        {open && !data && !error && <Spinner label="Asking CloudWatch" />}
        {data?.note && (
          <p dir="auto" className="asm-muted asm-wrap">
            {data.note}
          </p>
        )}
        {data && data.lines.length > 0 && (
          <div className="asm-scroll asm-tall" role="region" aria-label={`Log of step ${step}`} tabIndex={0}>
            <ol className="asm-plain asm-small">
              {data.lines.map(({ time, message }, index) => (
                <li key={`${time}/${index}`}>
                  <span className="asm-muted">
                    <Time time={time} />
                  </span>{" "}
                  <bdi className="asm-wrap asm-mono">{message}</bdi>
                </li>
              ))}
            </ol>
          </div>
        )}
      </details>
    </>
  );
};
