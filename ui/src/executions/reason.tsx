import { useKept } from "../parts/kept";

const SHORT = 90;

/** Why it is as it is: one line, and the rest on demand. */
export const Reason = ({ id, reason, remedy }: { id: string; reason: string | null; remedy: string | null }) => {
  const [open, setOpen] = useKept<boolean>(`reason:${id}`, false);
  if (!reason && !remedy) return <span className="asm-muted asm-nothing">–</span>;
  const text = reason ?? remedy ?? "";
  const long = text.length > SHORT || text.includes("\n") || (reason !== null && remedy !== null);
  return (
    <div className="asm-reason">
      <div dir="auto" className={open ? "asm-wrap" : "asm-clamp"} title={open ? undefined : text.slice(0, 300)}>
        {text}
      </div>
      {open && reason && remedy && (
        <p dir="auto" className="asm-wrap asm-muted">
          {remedy}
        </p>
      )}
      {long && (
        <button type="button" className="asm-more" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Less" : "More"}
        </button>
      )}
    </div>
  );
};
