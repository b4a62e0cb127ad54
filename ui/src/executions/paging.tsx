import type { Changes } from "../host/search";
import { plural } from "../parts/format";
import { Icon } from "../parts/icons";
import { SIZES, type Shown } from "./query";

type Props = {
  shown: Pick<Shown, "page" | "size">;
  total: number;
  what: string;
  change: (changes: Changes) => void;
};

export const Paging = ({ shown, total, what, change }: Props) => {
  const { page, size } = shown;
  const pages = Math.max(1, Math.ceil(total / size));
  const go = (to: number) => change({ page: to > 1 ? String(to) : null });
  return (
    <nav className="asm-row asm-paging" aria-label="Pages">
      <span className="asm-muted" role="status">
        {plural(total, what)}
      </span>
      <span className="asm-spring" />
      <label className="asm-row">
        <span className="asm-muted">Rows</span>
        <select value={size} onChange={(event) => change({ size: event.target.value, page: null })}>
          {SIZES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="asm-button"
        aria-label="Previous page"
        disabled={page <= 1}
        onClick={() => go(Math.min(page, pages + 1) - 1)}
      >
        <Icon name="left" />
      </button>
      <span className="asm-number">
        {page.toLocaleString("en")} of {pages.toLocaleString("en")}
      </span>
      <button
        type="button"
        className="asm-button"
        aria-label="Next page"
        disabled={page >= pages}
        onClick={() => go(page + 1)}
      >
        <Icon name="right" />
      </button>
    </nav>
  );
};
