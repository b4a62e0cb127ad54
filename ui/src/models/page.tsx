import { useModels } from "../api/queries";
import type { ModelGroup, ModelList } from "../api/types";
import { Paging } from "../executions/paging";
import { readShown } from "../executions/query";
import { useSearch, type Changes } from "../host/search";
import { Choice, SearchBox } from "../parts/inputs";
import { Icon } from "../parts/icons";
import { Alert, Empty, Failure, Spinner } from "../parts/messages";
import { approvalLook } from "../parts/states";
import { askFor } from "./query";
import { VersionTable } from "./table";

/** The versions of the model registry that tasks have registered: how good, by whom, and which may be served. */
export const Models = ({ dagId }: { dagId?: string }) => {
  const [search, change] = useSearch();
  const shown = readShown(search);
  const group = search.get("group") ?? "";
  const approval = search.get("approval") ?? "";
  const { data, error, isPlaceholderData } = useModels(askFor(shown, { dagId, group, approval }));
  return (
    <section className="asm-stack" aria-label="Models" aria-busy={isPlaceholderData}>
      <div className="asm-stack" role="search" aria-label="Models">
        <div className="asm-filters">
          <SearchBox
            value={shown.text}
            label="Search models"
            placeholder="Search groups, versions, Dags"
            onChange={(text) => change({ q: text, page: null })}
          />
          <Choice
            label="Group"
            all="All groups"
            value={group}
            values={data?.groups.map((each) => each.group) ?? []}
            onChange={(to) => change({ group: to, page: null })}
          />
        </div>
        <Approvals list={data} approval={approval} change={change} />
      </div>
      {error && <Failure error={error} />}
      {data?.errors.map((each) => (
        <Alert key={each} title="The cluster does not show its models">
          {each}
        </Alert>
      ))}
      {!data && !error && <Spinner />}
      <Chosen group={data?.groups.find((each) => each.group === group)} />
      {data && data.items.length > 0 && (
        <div className="asm-scroll" data-stale={isPlaceholderData} role="region" aria-label="Table of versions" tabIndex={0}>
          <VersionTable versions={data.items} withDag={!dagId} />
        </div>
      )}
      {data && data.items.length === 0 && data.errors.length === 0 && (
        <Nothing loading={data.loading} filtered={!!(group || approval || shown.text)} />
      )}
      {data && (data.total > 0 || shown.page > 1) && <Paging shown={shown} total={data.total} what="version" change={change} />}
    </section>
  );
};

/** What tasks would serve of the group that is looked at. */
const Chosen = ({ group }: { group: ModelGroup | undefined }) =>
  group === undefined ? null : (
    <p className="asm-muted">
      {group.approved === null
        ? "No version of this group is approved, so that none is served by rule."
        : `The newest approved version of this group is ${group.approved}.`}
    </p>
  );

type ApprovalsProps = { list: ModelList | undefined; approval: string; change: (changes: Changes) => void };

const Approvals = ({ list, approval, change }: ApprovalsProps) => {
  const counts = list?.counts ?? {};
  const all = Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const words = Object.keys(counts).toSorted();
  return (
    <div className="asm-row asm-chips" role="group" aria-label="Filter by approval">
      <button
        type="button"
        className="asm-chip"
        aria-pressed={approval === ""}
        onClick={() => change({ approval: null, page: null })}
      >
        All <span className="asm-count">{all.toLocaleString("en")}</span>
      </button>
      {(approval && !words.includes(approval) ? [...words, approval] : words).map((word) => {
        const look = approvalLook(word);
        return (
          <button
            key={word}
            type="button"
            className="asm-chip"
            data-tone={look.tone}
            aria-pressed={approval === word}
            onClick={() => change({ approval: approval === word ? null : word, page: null })}
          >
            <Icon name={look.icon} />
            {look.label} <span className="asm-count">{(counts[word] ?? 0).toLocaleString("en")}</span>
          </button>
        );
      })}
    </div>
  );
};

const Nothing = ({ loading, filtered }: { loading: boolean; filtered: boolean }) => {
  if (loading) return <Spinner label="Reading the cluster" />;
  return filtered ? (
    <Empty title="No versions found">Nothing matches the filters above.</Empty>
  ) : (
    <Empty title="No versions found">
      They show here once a task with RegisterModelOperator, or retraining(register=...), has registered one.
    </Empty>
  );
};
