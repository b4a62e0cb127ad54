import { Panel } from "../parts/facts";
import { useKept } from "../parts/kept";
import { CopyButton } from "../parts/text";

/** The resource as kubectl would print it. */
export const Manifest = ({ yaml, id }: { yaml: string; id: string }) => {
  const [open, setOpen] = useKept<boolean>(`yaml:${id}`, false);
  return (
    <Panel title="Resource" className="asm-wide" aside={<CopyButton text={yaml} what="the resource as YAML" />}>
      <details className="asm-fold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>PipelineExecution as YAML</summary>
        {open && (
          <pre className="asm-code" role="region" tabIndex={0} aria-label="The resource as YAML">
            {yaml}
          </pre>
        )}
      </details>
    </Panel>
  );
};
