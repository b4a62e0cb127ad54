import { useEndpoints } from "../api/queries";
import { Paging } from "../executions/paging";
import { readShown } from "../executions/query";
import { useSearch } from "../host/search";
import { askFor } from "../models/query";
import { SearchBox } from "../parts/inputs";
import { Alert, Empty, Failure, Spinner } from "../parts/messages";
import { EndpointCard } from "./card";

/** Every endpoint: what serves, how its rollout stands, and how those before went. */
export const Endpoints = ({ dagId }: { dagId?: string }) => {
  const [search, change] = useSearch();
  const shown = readShown(search);
  const { data, error, isPlaceholderData } = useEndpoints(askFor(shown, { dagId }));
  return (
    <section className="asm-stack" aria-label="Endpoints" aria-busy={isPlaceholderData}>
      <div className="asm-filters" role="search" aria-label="Endpoints">
        <SearchBox
          value={shown.text}
          label="Search endpoints"
          placeholder="Search endpoints, models, reasons, Dags"
          onChange={(text) => change({ q: text, page: null })}
        />
      </div>
      {error && <Failure error={error} />}
      {data?.errors.map((each) => (
        <Alert key={each} title="The cluster does not show its endpoints">
          {each}
        </Alert>
      ))}
      {!data && !error && <Spinner />}
      {data?.items.map((endpoint) => (
        <EndpointCard key={endpoint.uid} endpoint={endpoint} />
      ))}
      {data && data.items.length === 0 && data.errors.length === 0 && (
        <Nothing loading={data.loading} filtered={!!shown.text} />
      )}
      {data && (data.total > 0 || shown.page > 1) && <Paging shown={shown} total={data.total} what="endpoint" change={change} />}
    </section>
  );
};

const Nothing = ({ loading, filtered }: { loading: boolean; filtered: boolean }) => {
  if (loading) return <Spinner label="Reading the cluster" />;
  return filtered ? (
    <Empty title="No endpoints found">Nothing matches the search.</Empty>
  ) : (
    <Empty title="No endpoints found">
      They show here once a task with AckEndpointOperator, or retraining(endpoint=...), has rolled a model out.
    </Empty>
  );
};
