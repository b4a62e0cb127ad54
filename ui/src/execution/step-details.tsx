import type { ExecutionKey } from "../api/queries";
import type { Step } from "../api/types";
import { Icon } from "../parts/icons";
import { stepLook } from "../parts/states";
import { Badge, Name, Time } from "../parts/text";
import { Fact, Facts } from "../parts/facts";
import { StepDuration } from "./step-list";
import { StepLogs } from "./step-logs";
import { StepValues } from "./step-values";

/** What is known of one step. */
export const StepDetails = ({
  step,
  address,
  onClose,
}: {
  step: Step;
  address: ExecutionKey;
  onClose: () => void;
}) => {
  const look = stepLook(step.status);
  return (
    <section className="asm-details" aria-label={`Step ${step.name}`} aria-live="polite">
      <div className="asm-row">
        <h4>
          <Name>{step.display_name ?? step.name}</Name>
        </h4>
        <Badge tone={look.tone} icon={look.icon} label={look.label} />
        <span className="asm-spring" />
        <button type="button" className="asm-button asm-quiet" aria-label="Close the step's details" onClick={onClose}>
          <Icon name="cross" />
        </button>
      </div>
      <Facts>
        {step.display_name && step.display_name !== step.name && (
          <Fact label="Name">
            <Name>{step.name}</Name>
          </Fact>
        )}
        <Fact label="Type">{step.type}</Fact>
        {step.parent && (
          <Fact label="Runs if">
            <Name>{step.parent}</Name> is {step.branch === "else" ? "false" : "true"}
          </Fact>
        )}
        {step.started && (
          <Fact label="Started">
            <Time time={step.started} />
          </Fact>
        )}
        {step.ended && (
          <Fact label="Ended">
            <Time time={step.ended} />
          </Fact>
        )}
        {step.started && (
          <Fact label="Duration">
            <StepDuration step={step} />
          </Fact>
        )}
      </Facts>
      {step.reason && (
        <p dir="auto" className="asm-wrap asm-quote">
          {step.reason}
        </p>
      )}
      <StepValues address={address} step={step.name} />
      {step.log_url && <StepLogs address={address} step={step.name} url={step.log_url} />}
    </section>
  );
};
