import type { ReactNode } from "react";

import { SearchLink } from "../host/links";
import { Icon } from "../parts/icons";

export const BackLink = ({ to, children }: { to: URLSearchParams; children: ReactNode }) => (
  <p>
    <SearchLink to={to} className="asm-back">
      <Icon name="left" />
      {children}
    </SearchLink>
  </p>
);
