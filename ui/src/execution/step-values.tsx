import { useValues, type ExecutionKey } from "../api/queries";

/** What the references and conditions of a step are, or why that is not known. */
export const StepValues = ({ address, step }: { address: ExecutionKey; step: string }) => {
  const { data } = useValues(address, step);
  if (!data?.values.length) return null;
  return (
    <details className="asm-stack">
      <summary>Values ({data.values.length})</summary>
      {data.note && (
        <p dir="auto" className="asm-muted asm-wrap">
          {data.note}
        </p>
      )}
      <div className="asm-scroll asm-tall" role="region" aria-label={`Values of step ${step}`} tabIndex={0}>
        <table className="asm-table asm-pairs">
          <thead>
            <tr>
              <th scope="col">Where</th>
              <th scope="col">Expression</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {data.values.map(({ where, expression, value, why }) => (
              <tr key={where + expression}>
                <th scope="row">
                  <bdi className="asm-wrap asm-mono">{where}</bdi>
                </th>
                <td>
                  <bdi className="asm-wrap asm-mono">{expression}</bdi>
                </td>
                <td>
                  {value === null ? (
                    <bdi className="asm-wrap asm-muted">{why}</bdi>
                  ) : (
                    <bdi className="asm-wrap asm-mono">{value}</bdi>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
};
