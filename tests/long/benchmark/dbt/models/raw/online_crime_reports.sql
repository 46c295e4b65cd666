{{ accepted('online_crime_reports') }}
