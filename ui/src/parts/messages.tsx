import { Component, type ErrorInfo, type ReactNode } from "react";

import { ApiError } from "../api/client";
import { loginUrl } from "../host/session";
import { Icon } from "./icons";

export const Spinner = ({ label = "Loading" }: { label?: string }) => (
  <div className="asm-spinner" role="status">
    <span aria-hidden="true" />
    {label}…
  </div>
);

export const Empty = ({ title, children }: { title: string; children?: ReactNode }) => (
  <div className="asm-empty">
    <p className="asm-strong">{title}</p>
    {children && <p className="asm-muted">{children}</p>}
  </div>
);

type AlertProps = { kind?: "error" | "warning" | "info"; title?: string; children?: ReactNode };

export const Alert = ({ kind = "error", title, children }: AlertProps) => (
  <div className="asm-alert" data-kind={kind} role={kind === "error" ? "alert" : "status"}>
    <Icon name="alert" />
    <div>
      {title && <p className="asm-strong">{title}</p>}
      {children && (
        <div dir="auto" className="asm-wrap">
          {children}
        </div>
      )}
    </div>
  </div>
);

const TITLES: Record<number, string> = {
  0: "No connection",
  403: "You may not see this",
  404: "Not found",
  503: "The cluster is not available",
};

/** What went wrong, as Airflow would say it, and the server's own words. */
export const Failure = ({ error }: { error: Error }) => {
  const status = error instanceof ApiError ? error.status : undefined;
  if (status === 401)
    return (
      <Alert title="You are no longer logged in">
        <a href={loginUrl()}>Log in again</a> to go on where you were.
      </Alert>
    );
  return (
    <Alert title={(status !== undefined && TITLES[status]) || `Something went wrong${status ? ` (${status})` : ""}`}>
      {error.message}
    </Alert>
  );
};

/** A fault of the page itself takes down the page, not Airflow around it. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidCatch(error: Error, info: ErrorInfo) {
    console.error("airflow-ack-sagemaker:", error, info.componentStack);
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Alert title="This page has failed">
        <p>{error.message}</p>
        <button type="button" className="asm-button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </Alert>
    );
  }
}
