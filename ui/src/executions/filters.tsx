import type { ExecutionList, State } from "../api/types";
import type { Changes } from "../host/search";
import { Icon } from "../parts/icons";
import { Choice, SearchBox } from "../parts/inputs";
import { lookOf, STATES } from "../parts/states";
import type { Place, Shown } from "./query";

type Props = { shown: Shown; place: Place; list: ExecutionList | undefined; change: (changes: Changes) => void };

export const Filters = ({ shown, place, list, change }: Props) => (
  <div className="asm-stack" role="search" aria-label="Executions">
    <div className="asm-filters">
      <SearchBox
        value={shown.text}
        label="Search executions"
        placeholder="Search names, runs, tasks, reasons"
        onChange={(text) => change({ q: text, page: null })}
      />
      <Choice
        label="Pipeline"
        all="All pipelines"
        value={shown.pipeline}
        values={list?.pipelines ?? []}
        onChange={(pipeline) => change({ pipeline, page: null })}
      />
      {!place.dagId && (
        <Choice
          label="Dag"
          all="All Dags"
          value={shown.dag}
          values={list?.dags ?? []}
          onChange={(dag) => change({ dag, page: null })}
        />
      )}
    </div>
    <StateFilter shown={shown} list={list} change={change} />
  </div>
);

const StateFilter = ({ shown, list, change }: Omit<Props, "place">) => {
  const counts: Partial<Record<State, number>> = list?.counts ?? {};
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const states = (Object.keys(STATES) as State[]).filter((state) => counts[state] || shown.states.includes(state));
  const toggle = (state: State) =>
    change({
      state: shown.states.includes(state) ? shown.states.filter((each) => each !== state) : [...shown.states, state],
      page: null,
    });
  return (
    <div className="asm-row asm-chips" role="group" aria-label="Filter by state">
      <button
        type="button"
        className="asm-chip"
        aria-pressed={shown.states.length === 0}
        onClick={() => change({ state: null, page: null })}
      >
        All <span className="asm-count">{all.toLocaleString("en")}</span>
      </button>
      {states.map((state) => {
        const { label, tone, icon } = lookOf(state);
        return (
          <button
            key={state}
            type="button"
            className="asm-chip"
            data-tone={tone}
            aria-pressed={shown.states.includes(state)}
            onClick={() => toggle(state)}
          >
            <Icon name={icon} />
            {label} <span className="asm-count">{(counts[state] ?? 0).toLocaleString("en")}</span>
          </button>
        );
      })}
    </div>
  );
};
