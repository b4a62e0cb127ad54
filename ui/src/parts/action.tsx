import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Confirmation } from "./dialog";
import { Icon, type IconName } from "./icons";
import { useKept } from "./kept";
import { Failure } from "./messages";

/** What the server says about what it has done. */
export const messageOf = (answer: unknown): string | null => {
  const message = (answer as { message?: unknown } | null)?.message;
  return typeof message === "string" ? message : null;
};

type ActionProps = {
  id: string;
  icon: IconName;
  label: string;
  title: string;
  confirm: string;
  dangerous?: boolean;
  disabled?: boolean;
  mutation: UseMutationResult<unknown, Error, void>;
  say: (answer: unknown) => string;
  uid: string;
  children: ReactNode;
};

/** A button that asks before it does something. What came of it is kept for `uid`. */
export const Action = ({ id, icon, label, title, confirm, dangerous, disabled, mutation, say, uid, children }: ActionProps) => {
  const [asking, ask] = useKept<boolean>(`ask:${id}`, false);
  const [, tell] = useKept<string | null>(`done:${uid}`, null);
  const close = () => {
    ask(false);
    mutation.reset();
  };
  const act = () =>
    mutation.mutate(undefined, {
      onSuccess: (answer) => {
        tell(say(answer));
        ask(false);
      },
    });
  return (
    <>
      <button
        type="button"
        className={dangerous ? "asm-button asm-danger" : "asm-button asm-primary"}
        disabled={disabled}
        aria-haspopup="dialog"
        onClick={() => {
          tell(null);
          ask(true);
        }}
      >
        <Icon name={icon} />
        {label}
      </button>
      {asking && (
        <Confirmation
          title={title}
          confirm={confirm}
          dangerous={dangerous}
          busy={mutation.isPending}
          onConfirm={act}
          onClose={close}
        >
          {children}
          {mutation.error && <Failure error={mutation.error} />}
        </Confirmation>
      )}
    </>
  );
};
