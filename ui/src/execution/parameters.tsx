import type { Parameter } from "../api/types";
import { Panel } from "../parts/facts";

export const Parameters = ({ parameters }: { parameters: Parameter[] }) => (
  <Panel title="Parameters">
    {parameters.length === 0 ? (
      <p className="asm-muted">None were given: the definition's own defaults hold.</p>
    ) : (
      <div className="asm-scroll asm-tall" role="region" aria-label="Table of parameters" tabIndex={0}>
        <table className="asm-table asm-pairs">
          <thead className="asm-hidden">
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {parameters.map(({ name, value, masked }) => (
              <tr key={name}>
                <th scope="row">
                  <bdi className="asm-wrap">{name}</bdi>
                </th>
                <td>
                  {masked ? (
                    <span className="asm-masked" title="Its name says that it is a secret">
                      <span aria-hidden="true">••••••</span>
                      <span className="asm-small">masked</span>
                    </span>
                  ) : (
                    <bdi className="asm-wrap asm-mono">{value}</bdi>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}
  </Panel>
);
