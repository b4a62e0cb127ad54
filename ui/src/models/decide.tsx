import { useDecision } from "../api/queries";
import type { ModelVersion } from "../api/types";
import { Action, messageOf } from "../parts/action";
import { useKept } from "../parts/kept";
import { Name } from "../parts/text";

/** Approve or reject, for who may edit the DAG that has registered the version. */
export const Decide = ({ version, name }: { version: ModelVersion; name: string }) => {
  const [done] = useKept<string | null>(`done:${version.uid}`, null);
  if (!version.may_edit || version.number === null || version.state === "Failed")
    return <span className="asm-muted asm-nothing">–</span>;
  return (
    <div className="asm-row">
      {version.approval !== "Approved" && <Decision version={version} name={name} approved />}
      {version.approval !== "Rejected" && <Decision version={version} name={name} approved={false} />}
      {done && (
        <p role="status" className="asm-small asm-muted asm-wrap">
          {done}
        </p>
      )}
    </div>
  );
};

const Decision = ({ version, name, approved }: { version: ModelVersion; name: string; approved: boolean }) => {
  const decision = useDecision(version, approved);
  const word = approved ? "Approve" : "Reject";
  return (
    <Action
      id={`${word}:${version.uid}`}
      icon={approved ? "check" : "cross"}
      label={word}
      title={`${word} this version?`}
      confirm={`${word} ${name.length > 60 ? "version" : name}`}
      dangerous={!approved}
      mutation={decision}
      say={(answer) => messageOf(answer) ?? "SageMaker is told."}
      uid={version.uid}
    >
      {approved ? (
        <p>
          <Name>{name}</Name> may be served then: a task that takes the newest approved version of{" "}
          <Name>{version.group}</Name> takes it, and what watches approvals begins.
        </p>
      ) : (
        <p>
          <Name>{name}</Name> is not taken by tasks any more that look for an approved version of <Name>{version.group}</Name>.
          What serves now stays until something else is rolled out.
        </p>
      )}
      <p>It stands in Airflow&apos;s audit log, and with your name in SageMaker.</p>
    </Action>
  );
};
