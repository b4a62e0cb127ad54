import { useEffect, useRef, useState } from "react";

import { Icon } from "./icons";

const PAUSE = 250;

type SearchProps = { value: string; label: string; placeholder: string; onChange: (text: string) => void };

/**
 * What is left to be heard of what was told, once the URL says a value; null: nobody here has told it, so "back" has, or
 * a link. Airflow's router draws late what it was told: by then the user has typed on.
 */
export const heard = (told: readonly string[], value: string): readonly string[] | null => {
  const at = told.lastIndexOf(value);
  return at < 0 ? null : told.slice(at);
};

/** Typing is answered at once; the server is asked when it pauses. */
export const SearchBox = ({ value, label, placeholder, onChange }: SearchProps) => {
  const [typed, type] = useState(value);
  const told = useRef<readonly string[]>([value]);
  const tell = useRef(onChange);
  tell.current = onChange;

  useEffect(() => {
    const left = heard(told.current, value);
    told.current = left ?? [value];
    if (!left) type(value);
  }, [value]);

  useEffect(() => {
    if (typed === told.current.at(-1)) return;
    const timer = setTimeout(() => {
      told.current = [...told.current, typed];
      tell.current(typed);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);

  return (
    <label className="asm-search">
      <span className="asm-hidden">{label}</span>
      <Icon name="search" />
      <input
        type="search"
        dir="auto"
        value={typed}
        maxLength={200}
        placeholder={placeholder}
        onChange={(event) => type(event.target.value)}
      />
    </label>
  );
};

type ChoiceProps = {
  label: string;
  all: string;
  value: string;
  values: string[];
  onChange: (value: string) => void;
};

export const Choice = ({ label, all, value, values, onChange }: ChoiceProps) => (
  <label className="asm-choice">
    <span className="asm-hidden">{label}</span>
    <select value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{all}</option>
      {(values.includes(value) || !value ? values : [value, ...values]).map((each) => (
        <option key={each} value={each} dir="auto">
          {each.length > 80 ? `${each.slice(0, 79)}…` : each}
        </option>
      ))}
    </select>
  </label>
);
