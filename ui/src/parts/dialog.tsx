import { useId, useLayoutEffect, useRef, type ReactNode } from "react";

type Props = {
  title: string;
  confirm: string;
  dangerous?: boolean;
  busy: boolean;
  children: ReactNode;
  onConfirm: () => void;
  onClose: () => void;
};

/** Asks before something is done. The browser's own modal dialog: it keeps the focus, and Escape leaves it. */
export const Confirmation = ({ title, confirm, dangerous = false, busy, children, onConfirm, onClose }: Props) => {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();

  // Before it leaves the page: closed properly, it gives the focus back to the button that opened it.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);

  return (
    <dialog
      ref={ref}
      className="asm-dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={`${id}-title`}>{title}</h2>
      <div id={`${id}-text`} className="asm-stack">
        {children}
      </div>
      <div className="asm-row asm-end">
        {/* The harmless one has the focus first. */}
        <button type="button" className="asm-button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          className={dangerous ? "asm-button asm-danger" : "asm-button asm-primary"}
          aria-disabled={busy}
          onClick={() => !busy && onConfirm()}
        >
          {busy ? "Please wait…" : confirm}
        </button>
      </div>
    </dialog>
  );
};
