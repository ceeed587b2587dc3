select
    b.symbol as base_symbol, o.symbol as other_symbol, b.date, s.session_number,
    b.log_return as base_return, o.log_return as other_return
from core.returns as b
inner join core.returns as o on b.date = o.date and b.symbol <> o.symbol
inner join core.instruments as base on b.symbol = base.symbol
inner join core.instruments as other on o.symbol = other.symbol
inner join core.sessions as s on b.date = s.date
where
    b.alignment = 'exchange_close' and o.alignment = 'exchange_close'
    and base.is_correlation_base and other.kind in ('etf', 'index', 'basket')
    and not (other.is_correlation_base and o.symbol < b.symbol)
