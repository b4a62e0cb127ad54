import { useDiff, type ExecutionKey } from "../api/queries";
import type { DefinitionDiff, DefinitionSource } from "../api/types";
import { Fact, Facts, Panel } from "../parts/facts";
import { plural } from "../parts/format";
import { useKept } from "../parts/kept";
import { Failure, Spinner } from "../parts/messages";
import { Name, Time } from "../parts/text";
import { readDiff, type DiffLine } from "./diff-lines";
import { ExecutionLink } from "./link";

type Props = { definition: DefinitionSource; address: ExecutionKey & { cluster: string } };

/** What was launched: where it came from, and what has changed since the run before. */
export const Definition = ({ definition, address }: Props) => (
  <Panel title="Definition" className="asm-wide">
    <Source definition={definition} />
    <Changes address={address} />
  </Panel>
);

export const Source = ({ definition }: { definition: DefinitionSource }) => {
  const { source_uri: uri, version_id: version, sha256 } = definition;
  if (!uri && !version && !sha256) return <p className="asm-muted">Its origin is not recorded on the resource.</p>;
  return (
    <Facts>
      {uri && (
        <Fact label="Source">
          <bdi className="asm-wrap asm-mono">{uri}</bdi>
        </Fact>
      )}
      {version && (
        <Fact label="S3 version">
          <bdi className="asm-wrap asm-mono">{version}</bdi>
        </Fact>
      )}
      {sha256 && (
        <Fact label="SHA-256">
          <bdi className="asm-mono" title={sha256}>
            {sha256.slice(0, 12)}
          </bdi>
        </Fact>
      )}
    </Facts>
  );
};

const Changes = ({ address }: { address: Props["address"] }) => {
  const [open, setOpen] = useKept<boolean>(`diff:${address.namespace}/${address.name}`, false);
  const { data, error } = useDiff(address, open);
  return (
    <details className="asm-fold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Changes since the previous run</summary>
      {open && (error ? <Failure error={error} /> : data ? <Diff data={data} cluster={address.cluster} /> : <Spinner />)}
    </details>
  );
};

const Diff = ({ data, cluster }: { data: DefinitionDiff; cluster: string }) => {
  const { previous, same, diff, note } = data;
  return (
    <div className="asm-stack">
      {previous ? (
        <p>
          Compared with{" "}
          <ExecutionLink execution={{ cluster, namespace: previous.namespace, name: previous.name }}>
            <Name>{previous.run_id || previous.name}</Name>
          </ExecutionLink>{" "}
          of <Time time={previous.created} />
          {previous.sha256 && (
            <>
              {" "}
              (<bdi className="asm-mono" title={previous.sha256}>{previous.sha256.slice(0, 12)}</bdi>)
            </>
          )}
          {same ? ": the same definition." : "."}
        </p>
      ) : (
        !note && <p className="asm-muted">There is no earlier run of this pipeline in the cluster.</p>
      )}
      {note && (
        <p dir="auto" className="asm-muted asm-wrap">
          {note}
        </p>
      )}
      {diff && <DiffText diff={diff} />}
    </div>
  );
};

const MOST = 600;

const DiffText = ({ diff }: { diff: string }) => {
  const [all, showAll] = useKept<boolean>(`all:${diff.length}:${diff.slice(0, 40)}`, false);
  const lines = readDiff(diff);
  const count = (kind: DiffLine["kind"]) => lines.filter((line) => line.kind === kind).length;
  return (
    <>
      <p className="asm-muted asm-small">
        {plural(count("added"), "line")} added, {plural(count("removed"), "line")} removed
      </p>
      <pre className="asm-code asm-diff" role="region" tabIndex={0} aria-label="Changes of the definition">
        {(all ? lines : lines.slice(0, MOST)).map(({ kind, text }, at) => (
          <span key={at} data-kind={kind}>
            {text}
            {"\n"}
          </span>
        ))}
      </pre>
      {!all && lines.length > MOST && (
        <button type="button" className="asm-button" onClick={() => showAll(true)}>
          Show all {lines.length.toLocaleString("en")} lines
        </button>
      )}
    </>
  );
};
