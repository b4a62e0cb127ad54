import type { ReactNode } from "react";

/** Labels with values, in a row that wraps: the figures of a header. */
export const Facts = ({ children }: { children: ReactNode }) => <dl className="asm-facts">{children}</dl>;

export const Fact = ({ label, children }: { label: string; children: ReactNode }) => (
  <div>
    <dt>{label}</dt>
    <dd>{children}</dd>
  </div>
);

type PanelProps = { title: string; aside?: ReactNode; className?: string; children: ReactNode };

/** A part of a page with a heading of its own. */
export const Panel = ({ title, aside, className = "", children }: PanelProps) => (
  <section className={`asm-panel ${className}`} aria-label={title}>
    <div className="asm-row asm-panel-head">
      <h3>{title}</h3>
      <span className="asm-spring" />
      {aside}
    </div>
    {children}
  </section>
);
