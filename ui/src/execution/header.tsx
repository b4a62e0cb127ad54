import type { ExecutionDetail, ExecutionRow } from "../api/types";
import { AirflowLink, ExternalLink } from "../host/links";
import { dagPath, externalUrl, runPath, taskPath } from "../host/paths";
import { Duration } from "../parts/duration";
import { Fact, Facts } from "../parts/facts";
import { Icon } from "../parts/icons";
import { labelOf, lookOf } from "../parts/states";
import { Badge, Name, Time } from "../parts/text";
import { Actions } from "./actions";
import { ExecutionLink } from "./link";

type Props = {
  detail: ExecutionDetail;
  gone: boolean;
  /** On the task instance's own tab, Airflow says already whose it is. */
  onItsTab: boolean;
};

/** What it is, how it stands, where it belongs, what can be done. */
export const Header = ({ detail, gone, onItsTab }: Props) => {
  const { execution, attempts, may_edit: mayEdit } = detail;
  const look = lookOf(execution.state);
  const label = labelOf(execution);
  return (
    <header className="asm-card">
      <div className="asm-row asm-header">
        <h2>
          <Name>{execution.pipeline}</Name>
        </h2>
        <Badge tone={look.tone} icon={look.icon} label={label} />
        {/* Only its changes are read out, not all that a poll draws anew. */}
        <span className="asm-hidden" role="status" aria-live="polite">
          {`Status: ${label}`}
        </span>
        <span className="asm-spring" />
        {mayEdit && <Actions key={execution.uid} execution={execution} gone={gone} />}
      </div>
      <p className="asm-muted asm-small asm-under">
        <Name>{execution.name}</Name> in <Name>{execution.namespace}</Name>
      </p>
      <Facts>
        {!onItsTab && <Where execution={execution} />}
        <Fact label="Started">
          {execution.started ? <Time time={execution.started} /> : <span className="asm-muted">Not yet</span>}
        </Fact>
        {execution.ended && (
          <Fact label="Ended">
            <Time time={execution.ended} />
          </Fact>
        )}
        <Fact label="Duration">
          <Duration execution={execution} />
        </Fact>
        {attempts.length > 1 && (
          <Fact label="Attempts">
            <Attempts attempts={attempts} shown={execution} />
          </Fact>
        )}
        {externalUrl(execution.console_url) && (
          <Fact label="SageMaker">
            <ExternalLink url={execution.console_url}>
              Open the console{" "}
              <Icon name="out" />
              <span className="asm-hidden"> (new window)</span>
            </ExternalLink>
          </Fact>
        )}
      </Facts>
    </header>
  );
};

const Where = ({ execution }: { execution: ExecutionRow }) => (
  <>
    <Fact label="Dag">
      <AirflowLink to={dagPath(execution.dag_id)}>
        <Name>{execution.dag_id}</Name>
      </AirflowLink>
    </Fact>
    <Fact label="Run">
      <AirflowLink to={runPath(execution.dag_id, execution.run_id)}>
        <Name>{execution.run_id}</Name>
      </AirflowLink>
    </Fact>
    <Fact label="Task">
      <AirflowLink to={taskPath(execution.dag_id, execution.run_id, execution.task_id, execution.map_index)}>
        <Name>
          {execution.map_index >= 0 ? `${execution.task_id} [${execution.map_index}]` : execution.task_id}
        </Name>
      </AirflowLink>
      {execution.index !== null && <span className="asm-muted"> #{execution.index}</span>}
    </Fact>
  </>
);

const Attempts = ({ attempts, shown }: { attempts: ExecutionRow[]; shown: ExecutionRow }) => (
  <span className="asm-row asm-chips">
    {[...attempts].reverse().map((each, at) => {
      const { label, tone, icon } = lookOf(each.state);
      const number = each.attempt ?? at + 1;
      return (
        <ExecutionLink
          key={each.uid}
          execution={each}
          className="asm-chip"
          data-tone={tone}
          aria-current={each.uid === shown.uid ? "true" : undefined}
          aria-label={`Attempt ${number}, ${label}`}
          title={`Attempt ${number}: ${label}`}
        >
          <Icon name={icon} />
          {number}
        </ExecutionLink>
      );
    })}
  </span>
);
