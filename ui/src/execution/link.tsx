import type { AnchorHTMLAttributes } from "react";

import { SearchLink } from "../host/links";
import { useSearch } from "../host/search";
import { withExecution, type Address } from "./address";

type Props = AnchorHTMLAttributes<HTMLAnchorElement> & { execution: Address };

/** A link to one execution. */
export const ExecutionLink = ({ execution, ...rest }: Props) => {
  const [search] = useSearch();
  return <SearchLink {...rest} to={withExecution(search, execution)} />;
};
