import type { AnchorHTMLAttributes, MouseEvent } from "react";

import { airflowUrl, router } from "./globals";
import { externalUrl } from "./paths";
import { go } from "./search";

type Anchor = AnchorHTMLAttributes<HTMLAnchorElement>;

/** A link to another page of Airflow. */
export const AirflowLink = ({ to, ...rest }: Anchor & { to: string }) =>
  router ? <router.Link {...rest} to={to} /> : <a {...rest} href={airflowUrl(to)} />;

const plainClick = (event: MouseEvent) =>
  event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

/** A link to this page with other search parameters. */
export const SearchLink = ({ to, ...rest }: Anchor & { to: URLSearchParams }) => {
  const search = `?${to.toString()}`;
  if (router) return <router.Link {...rest} to={search} />;
  const href = `${location.pathname}${search}`;
  const follow = (event: MouseEvent) => {
    if (!plainClick(event)) return;
    event.preventDefault();
    go(to);
  };
  return <a {...rest} href={href} onClick={follow} />;
};

/** A link out of Airflow; text only where the URL is none to follow. */
export const ExternalLink = ({ url, children, ...rest }: Anchor & { url: string | null }) => {
  const href = externalUrl(url);
  if (href === null) return <span {...rest}>{children}</span>;
  return (
    <a {...rest} href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
};
